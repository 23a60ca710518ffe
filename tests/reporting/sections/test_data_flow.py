from pathlib import Path

from lmkit.reporting.sections.data_flow import data_flow
from tests.reporting.folders import data_of, write_folder, write_run


def test_every_document_is_counted_with_its_reason_and_examples(pipeline: Path) -> None:
    section = data_flow(data_of(pipeline / "work"))
    assert section
    assert (
        "too few characters: 1 (1.2%)" in section.content and "kept: 80 (98.8%)" in section.content
    )
    assert "Examples of what was dropped" in section.content
    assert "too_short 20 &lt; 25" in section.content


def test_many_reasons_are_summed_up(tmp_path: Path) -> None:
    dropped = {f"rule.{number}": 1 for number in range(30)}
    write_folder(tmp_path / "c", "clean", documents_in=30, dropped=dropped)
    section = data_flow(data_of(tmp_path))
    assert section and "other reasons: 18 (60.0%)" in section.content


def test_without_documents_there_is_no_section(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [1])
    assert data_flow(data_of(tmp_path)) is None
