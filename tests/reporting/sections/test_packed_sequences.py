from pathlib import Path

from lmkit.reporting.sections.packed_sequences import packed_sequences
from tests.reporting.folders import data_of, write_folder


def test_splits_and_sources_are_shown(pipeline: Path) -> None:
    section = packed_sequences(data_of(pipeline / "work"))
    assert section and "sequences of 32 tokens, chunk" in section.content
    assert "<td>train</td>" in section.content and "<td>validation</td>" in section.content
    assert "<td>books</td>" in section.content


def test_a_damaged_record_is_left_out(tmp_path: Path) -> None:
    write_folder(tmp_path / "packed", "pack", details={"train": 1})
    assert packed_sequences(data_of(tmp_path)) is None
