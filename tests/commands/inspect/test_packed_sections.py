from pathlib import Path

import pytest

from tests.commands.inspect.folders import inspect
from tests.conftest import Lmkit, manifest, texts


def test_a_packed_folder_shows_splits_and_a_sequence_with_its_documents(
    work: Path, lmkit: Lmkit
) -> None:
    details = manifest(work / "packed")["details"]
    found = inspect(lmkit, work / "packed")
    assert [split["side"] for split in found["sides"]] == ["train", "validation"]
    for split in found["sides"]:
        made = details[split["side"]]
        assert split["rows"] * 16 == split["tokens"] + split["padding"]
        ratio = made["bytes_of_text"] / made["tokens"]
        assert split["bytes_per_token"] == pytest.approx(ratio, abs=1e-3)
    every = [inspect(lmkit, work / "packed", "--seed", str(seed)) for seed in range(30)]
    pieces = [piece for each in every for piece in each["sample_row"] if "then" in piece]
    ends = {piece["then"]: piece["ids"][-1] for piece in pieces}
    assert ends["the document ends"] == details["eos"]
    assert ends["the document continues in another sequence"] != details["eos"]
    all_text = "\n".join(texts(work / "clean"))
    assert all(piece["text"] in all_text for piece in pieces)
