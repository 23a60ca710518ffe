from pathlib import Path

from tests.commands.inspect.folders import inspect
from tests.conftest import Lmkit, manifest


def test_a_tokenizer_is_shown_with_an_example(work: Path, lmkit: Lmkit) -> None:
    found = inspect(lmkit, work / "tokenizer")
    details = manifest(work / "tokenizer")["details"]
    (row,) = details.pop("report")
    assert details.pop("lacks") == []
    assert found["tokenizer"] == details
    longest = row.pop("longest_tokens")
    assert found["report"] == [row]
    assert [entry["token"] for entry in found["longest_tokens"]] == [repr(t) for t in longest]
    pieces = "".join(each["piece"] for each in found["sample_pieces"])
    assert pieces.startswith("Once upon a time")
    assert "<mask>" in found["special_tokens"][0]["text"]


def test_a_text_is_tokenized_by_the_tokenizer_of_a_folder_or_of_its_subfolder(
    work: Path, lmkit: Lmkit
) -> None:
    own = inspect(lmkit, work / "tokenizer", "--text", "Once upon </s>")
    assert own == inspect(lmkit, work / "packed", "--text", "Once upon </s>")
    assert "".join(each["piece"] for each in own["pieces"]) == "Once upon </s>"
    assert all(each["id"] >= 266 for each in own["pieces"])  # none is a control token


def test_a_folder_without_a_tokenizer_cannot_tokenize_a_text(work: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit("inspect", work / "clean", "--text", "a")
    assert exit_code == 2 and "tokenizer.json" in err
