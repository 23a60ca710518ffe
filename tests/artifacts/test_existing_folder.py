"""What is seen through commands is in test_output_folder."""

from pathlib import Path

import pytest

from lmkit.artifacts.existing_folder import files_below, other_files, ranges_read, refuse_path
from lmkit.artifacts.tasks import PARTIAL, ReadRange, TaskWriter
from lmkit.errors import OutputError

PATTERNS = (r"documents-\d{5}\.jsonl",)


def made(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    return folder


def test_only_what_a_stage_writes_is_its_own(tmp_path: Path) -> None:
    scratch = (f"{PARTIAL}/plan.json", f"{PARTIAL}/train-00003.json", f"{PARTIAL}/slurm/7_log.out")
    made(tmp_path, ".lock", "manifest.json", "documents-00000.jsonl", "notes.txt", *scratch)
    assert other_files(tmp_path, PATTERNS, known=True) == ["notes.txt"]
    unknown = other_files(tmp_path, PATTERNS, known=False)
    assert {"notes.txt", "manifest.json", "documents-00000.jsonl"} <= set(unknown)


def test_a_plan_that_was_never_renamed_is_no_other_file(tmp_path: Path) -> None:
    made(tmp_path, f"{PARTIAL}/plan.json.81-0")
    assert other_files(tmp_path, PATTERNS, known=False) == []


def test_a_link_is_never_a_stages_own(tmp_path: Path) -> None:
    made(tmp_path / "else", "a")
    folder = made(tmp_path / "out", "documents-00000.jsonl")
    (folder / "documents-00001.jsonl").symlink_to(tmp_path / "else/a")
    (folder / "deep").symlink_to(tmp_path / "else")
    assert files_below(folder) == ["deep", "documents-00000.jsonl", "documents-00001.jsonl"]
    assert other_files(folder, PATTERNS, known=True) == ["deep", "documents-00001.jsonl"]


def test_a_path_that_cant_be_a_folder_is_refused(tmp_path: Path) -> None:
    made(tmp_path, "file")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    for name, message in (
        ("file", "is a file, must be a folder"),
        ("file/below", "is not a folder"),
        ("nowhere", "is not a folder"),
        ("\udcff", "not UTF-8"),
    ):
        with pytest.raises(OutputError, match=message):
            refuse_path(tmp_path / name)
    refuse_path(tmp_path / "new/folder")
    refuse_path(tmp_path)


def test_what_finished_tasks_have_read_is_found_by_input(tmp_path: Path) -> None:
    parts = [
        ReadRange(input=0, start=0, stop=5, sha256="a"),
        ReadRange(input=2, start=0, stop=9, sha256="b"),
    ]
    made(tmp_path, f"{PARTIAL}/train-00001.json")  # damaged
    writer = TaskWriter(tmp_path, "train", 0)
    writer.read += parts
    writer.finish()
    found = ranges_read(tmp_path / PARTIAL)
    assert [found.of(number) for number in range(4)] == [parts[:1], [], parts[1:], []]
