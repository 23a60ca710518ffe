"""A tokenizer's folder, as it goes out beside a model."""

import json
from pathlib import Path

import pytest
from tokenizers import AddedToken
from tokenizers import Tokenizer as HfCheckpoint

from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.tokenizers.transformers_files import exported

transformers = pytest.importorskip("transformers")
TEXT = "The class </s> of objects."


@pytest.fixture
def folder(packed: Path) -> Path:
    return packed / "tokenizer"


def loaded(files: dict[str, bytes], place: Path) -> object:
    for name, content in files.items():
        (place / name).write_bytes(content)
    return transformers.AutoTokenizer.from_pretrained(place)


@pytest.mark.parametrize(("begin", "end"), [(2, 3), (2, None), (None, 3), (None, None)])
def test_it_puts_around_a_text_what_stood_around_documents(
    folder: Path, begin: int | None, end: int | None, tmp_path: Path
) -> None:
    theirs = loaded(exported(folder, begin, end, 64), tmp_path)
    ours = Tokenizer.load(folder)
    assert ours.text_of(2) == "<s>" and ours.text_of(3) == "</s>"
    before, behind = ([] if one is None else [one] for one in (begin, end))
    plain = ours.encode("The class of objects.").tolist()
    got = theirs("The class of objects.")  # pyright: ignore
    assert got["input_ids"] == [*before, *plain, *behind]
    assert set(got) == {"input_ids", "attention_mask"}
    pair = theirs("The class", " of objects.")["input_ids"]  # pyright: ignore
    one, two = ours.encode("The class").tolist(), ours.encode(" of objects.").tolist()
    assert pair == [*before, *one, *behind, *two, *behind]
    assert theirs.model_max_length == 64  # pyright: ignore
    assert theirs.decode(got["input_ids"], skip_special_tokens=True) == (  # pyright: ignore
        "The class of objects."
    )


def test_what_would_run_code_or_cut_texts_stays_behind(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    tokenizer = HfCheckpoint.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding()
    tokenizer.add_tokens([AddedToken("<new>")])
    tokenizer.save(str(own / "tokenizer.json"))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    more = {"auto_map": {"AutoTokenizer": "evil.Tokenizer"}, "tokenizer_class": "EvilTokenizer"}
    (own / "tokenizer_config.json").write_text(json.dumps(config | more))
    files = exported(own, None, None, None)
    said = json.loads(files["tokenizer_config.json"])
    assert "auto_map" not in said and said["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert "model_max_length" not in said
    written = json.loads(files["tokenizer.json"])
    assert written["truncation"] is None and written["padding"] is None
    assert "<new>" in {token["content"] for token in written["added_tokens"]}
    assert "special_tokens_map.json" not in files
