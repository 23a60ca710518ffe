import os
from pathlib import Path

import pytest

from lmkit.artifacts.inputs import find_documents
from lmkit.errors import InputError
from lmkit.storage.registry import NAMES
from tests.conftest import Lmkit, manifest


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


@pytest.mark.parametrize(
    ("patterns", "left", "count"),
    [
        (("*.jsonl.gz",), ["cat.txt", "dog.txt", "hi.txt", "kat.txt"], 1),
        (("?at.txt", "deep/*"), ["dog.txt", "hi.txt"], 3),
        (("deep",), ["cat.txt", "dog.txt", "hi.txt", "kat.txt"], 1),
        (("*.pdf",), ["cat.txt", "deep/a.jsonl.gz", "dog.txt", "hi.txt", "kat.txt"], 0),
    ],
)
def test_excluded_files_are_skipped_and_counted(
    raw: Path, patterns: tuple[str, ...], left: list[str], count: int
) -> None:
    (raw / "deep").mkdir()
    (raw / "deep" / "a.jsonl.gz").touch()
    found = find_documents([raw], formats=("text", "jsonl"), exclude=patterns)
    assert [part.origin for part in found.slices] == left
    assert found.skipped == ({"excluded": count} if count else {})
    named = find_documents([raw / "cat.txt", raw], formats=("text",), exclude=("cat*",)).slices
    assert "cat.txt" not in [part.origin for part in named]
    with pytest.raises(InputError, match=r"--exclude: cat\.\* leaves no file"):
        find_documents([raw / "cat.txt"], formats=("text",), exclude=("cat.*",))


def test_what_is_excluded_is_recorded_and_only_the_files_that_are_left_are_compared(
    raw: Path, lmkit: Lmkit
) -> None:
    command = ["clean", raw, "--output", "out", "--exclude", "hi.txt", "--exclude", "k*"]
    exit_code, _, err = lmkit(*command)
    assert exit_code == 0 and "excluded: 2" in err
    assert manifest(Path("out"))["config"]["exclude"] == ["hi.txt", "k*"]
    assert "up to date" in lmkit("clean", raw, "--output", "out", "--exclude", "[hk]*")[2]
    exit_code, _, err = lmkit("clean", raw, "--output", "out")
    assert exit_code == 2 and "is new" in err
    lmkit("clean", raw, "--output", "all")
    assert "exclude" not in manifest(Path("all"))["config"]


def test_a_folder_that_contains_finished_folders_is_refused(raw: Path, lmkit: Lmkit) -> None:
    lmkit("clean", raw, "--output", "work/clean")
    with pytest.raises(InputError, match="which lmkit wrote"):
        find_documents([Path("work")], formats=("jsonl",))


DAMAGED = {
    "cut": r"clean.manifest\.json: damaged",
    "gone": r"rejected-00000.*there is no complete manifest\.json",
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_rejected_records_do_not_become_documents_when_the_manifest_is_lost(
    raw: Path, lmkit: Lmkit, damage: str
) -> None:
    lmkit("clean", raw, "--output", "clean")
    path = Path("clean/manifest.json")
    whole = path.read_text()
    path.unlink()
    if damage == "cut":
        path.write_text(whole[:200])
    with pytest.raises(InputError, match=DAMAGED[damage]):
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


@pytest.mark.parametrize(
    ("name", "content", "seen"),
    [
        ("a.png", b"\x89PNG\r\n", "it ends in .png .*holds a PNG picture"),
        ("a.jsonlines", b"once upon", r"it ends in .jsonlines \(known .*\.json.*'once upon'"),
        ("notes", b"\x00\x01\x02", "its name has no ending.*holds binary data"),
        ("a.docx", b"PK\x03\x04", "it ends in .docx.*a zip archive, as office documents are"),
        ("a.parquet.gz", b"x", ".parquet is not read in compressed form"),
        ("empty.data", b"", "holds nothing"),
    ],
)
def test_a_named_file_of_no_known_format_is_described(
    tmp_path: Path, name: str, content: bytes, seen: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=seen) as refused:
        find_documents([tmp_path / name], formats=NAMES)
    assert "--format reads it as one of" in str(refused.value.hint)


def test_what_is_left_alone_has_its_whole_ending(tmp_path: Path) -> None:
    for name in ("a.txt", "b.foo.gz", "c.gz", "d.bar"):
        (tmp_path / name).write_bytes(b"x")
    found = find_documents([tmp_path], formats=NAMES)
    assert found.skipped == {".foo.gz": 1, ".gz": 1, ".bar": 1}
