import os
from pathlib import Path

import pytest

from lmkit.artifacts.inputs import find_documents
from lmkit.errors import InputError
from tests.conftest import Lmkit


def test_a_folder_is_searched_and_hidden_or_unknown_files_are_skipped(raw: Path) -> None:
    (raw / "deep").mkdir()
    (raw / "deep" / "a.jsonl.gz").touch()
    (raw / "picture.png").touch()
    (raw / ".git").mkdir()
    (raw / ".git" / "x.txt").touch()
    found = find_documents([raw], formats=("text", "jsonl"))
    names = ["cat.txt", "deep/a.jsonl.gz", "dog.txt", "hi.txt", "kat.txt"]
    assert [part.origin for part in found.slices] == names
    assert {part.source for part in found.slices} == {"raw"}
    assert found.skipped == {".png": 1}


def test_a_folder_that_contains_finished_folders_is_refused(raw: Path, lmkit: Lmkit) -> None:
    lmkit("clean", raw, "--output", "work/clean")
    with pytest.raises(InputError, match="which lmkit wrote"):
        find_documents([Path("work")], formats=("jsonl",))


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_rejected_records_do_not_become_documents_when_the_manifest_is_lost(
    raw: Path, lmkit: Lmkit, damage: str
) -> None:
    lmkit("clean", raw, "--output", "clean")
    path = Path("clean/manifest.json")
    whole = path.read_text()
    path.unlink()
    if damage == "cut":
        path.write_text(whole[:200])
    with pytest.raises(InputError, match=r"rejected-00000.*there is no complete manifest\.json"):
        find_documents([Path("clean")], formats=("jsonl",))


def test_links_that_are_not_followed_are_counted(raw: Path) -> None:
    (raw / "dangling.txt").symlink_to("nowhere")
    Path("elsewhere").mkdir()
    (raw / "folder").symlink_to(Path("elsewhere").resolve())
    os.mkfifo(raw / "pipe.txt")
    found = find_documents([raw], formats=("text",))
    assert found.skipped == {"links": 2, "pipes, sockets or devices": 1}


def test_the_current_folder_can_be_read(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (raw / "deep").mkdir()
    (raw / "deep" / "a.txt").write_text("a")
    monkeypatch.chdir(raw)
    records = find_documents([Path()], formats=("text",)).records
    assert [record.path for record in records][1] == records[1].origin == "deep/a.txt"
    assert {record.source for record in records} == {"raw"}
