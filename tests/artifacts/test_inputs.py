import hashlib
import os
from pathlib import Path

import pytest

from lmkit.artifacts import inputs as inputs_module
from lmkit.artifacts.inputs import Input, cut, find_documents, opened, same_content
from lmkit.artifacts.tasks import ReadRange
from lmkit.errors import InputError, LmkitError
from tests.conftest import Lmkit


def origins(paths: list[Path]) -> list[str]:
    return [part.origin for part in find_documents(paths, formats=("text", "jsonl")).slices]


def test_a_folder_is_searched_and_what_is_hidden_or_unknown_is_left_alone(raw: Path) -> None:
    (raw / "deep").mkdir()
    (raw / "deep" / "a.jsonl.gz").touch()
    (raw / "picture.png").touch()
    (raw / ".git").mkdir()
    (raw / ".git" / "x.txt").touch()
    found = find_documents([raw], formats=("text", "jsonl"))
    names = ["cat.txt", "deep/a.jsonl.gz", "dog.txt", "hi.txt", "kat.txt"]
    assert [part.origin for part in found.slices] == names
    assert {part.source for part in found.slices} == {"raw"}
    assert found.left_alone == {".png": 1}


def test_the_order_of_the_arguments_changes_nothing(raw: Path) -> None:
    files = [raw / "dog.txt", raw / "cat.txt", raw / "cat.txt"]
    assert origins(files) == origins(files[::-1]) == ["cat.txt", "dog.txt"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nothing", "nothing: no such file or folder"),
        ("empty", "empty: no files to read in it"),
        ("raw/a.csv", "raw/a.csv: must end in"),
    ],
)
def test_what_cannot_be_read_is_named(raw: Path, path: str, message: str) -> None:
    Path("empty").mkdir()
    (raw / "a.csv").touch()
    with pytest.raises(InputError, match=message):
        find_documents([Path(path)], formats=("text",))


def test_many_tiny_files_are_shared_out(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs_module, "MOST_FILES", 4)
    Path("raw").mkdir()
    for number in range(10):
        Path(f"raw/{number}.txt").touch()
    tasks = cut(find_documents([Path("raw")], formats=("text",)).slices)
    assert [len(task) for task in tasks] == [4, 4, 2]


def test_paths_may_come_from_a_file(raw: Path) -> None:
    Path("list").write_text(f"{raw}/dog.txt\n\n{raw}/cat.txt\n")
    found = find_documents([raw / "hi.txt"], Path("list"), formats=("text",))
    assert [part.origin for part in found.slices] == ["cat.txt", "dog.txt", "hi.txt"]


def test_a_folder_that_holds_folders_that_lmkit_made_is_refused(raw: Path, lmkit: Lmkit) -> None:
    lmkit("clean", raw, "--output", "work/clean")
    with pytest.raises(InputError, match="which lmkit made"):
        find_documents([Path("work")], formats=("jsonl",))


def test_a_made_folder_must_hold_what_its_manifest_says(raw: Path, lmkit: Lmkit) -> None:
    lmkit("clean", raw, "--output", "clean")
    shard = Path("clean/documents-00000.jsonl.zst")
    with shard.open("ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match="another size"):
        find_documents([Path("clean")], formats=())
    shard.unlink()
    with pytest.raises(InputError, match="missing"):
        find_documents([Path("clean")], formats=())


def test_a_shard_changed_by_hand_is_noticed_when_it_is_read(raw: Path, lmkit: Lmkit) -> None:
    lmkit("clean", raw, "--output", "clean")
    lmkit("clean", raw, "--output", "other", "--source", "xxx")
    one, other = (Path(name, "documents-00000.jsonl.zst") for name in ("clean", "other"))
    os.truncate(one, 0)
    one.write_bytes(other.read_bytes())
    if one.stat().st_size == other.stat().st_size:
        exit_code, _, err = lmkit("dedup", "clean", "--output", "dedup")
        assert exit_code in {1, 2} and "manifest.json says" in err


def test_big_files_of_lines_are_cut_and_small_files_share_a_task(
    raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs_module, "RANGE_BYTES", 100)
    (raw / "big.jsonl").write_bytes(b"x" * 250)
    found = find_documents([raw], formats=("text", "jsonl"))
    tasks = cut(found.slices, 100)
    sliced = [(p.start, p.stop) for task in tasks for p in task if p.origin == "big.jsonl"]
    assert sliced == [(0, 84), (84, 168), (168, 250)]  # 250 / 3, and no short rest
    assert [[part.origin for part in task] for task in tasks] == [
        ["big.jsonl"],
        ["big.jsonl"],
        ["big.jsonl"],
        ["cat.txt", "dog.txt", "hi.txt"],
        ["kat.txt"],
    ]


def test_a_file_that_was_read_in_ranges_is_known_again_by_them(
    raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs_module, "RANGE_BYTES", 100)
    data = bytes(range(250))
    (raw / "big.jsonl").write_bytes(data)
    found = find_documents([raw / "big.jsonl"], formats=("jsonl",))
    ranges = [(p.start, p.stop) for task in cut(found.slices, 100) for p in task]
    hashes = tuple(hashlib.sha256(data[start:stop]).hexdigest() for start, stop in ranges)
    (now,) = found.records
    old = now.model_copy(update={"sha256": hashes, "modified": 1})
    assert same_content(old, now, verify=False)
    (raw / "big.jsonl").write_bytes(data[:-1] + b"!")
    assert not same_content(old, now, verify=False)


def test_a_file_that_changes_or_vanishes_after_planning_is_named(raw: Path) -> None:
    (part, *_) = find_documents([raw / "cat.txt"], formats=("text",)).slices
    notes: list[ReadRange] = []
    for _ in opened(part, notes):
        pass
    assert notes[0].sha256 == hashlib.sha256((raw / "cat.txt").read_bytes()).hexdigest()
    (raw / "cat.txt").write_text("something else")
    with pytest.raises(LmkitError, match=r"cat\.txt: it has changed") as changed:
        list(opened(part, notes))
    (raw / "cat.txt").unlink()
    with pytest.raises(LmkitError, match=r"cat\.txt: .* is gone") as gone:
        list(opened(part, notes))
    assert changed.value.exit_code == gone.value.exit_code == 1


def test_a_file_is_read_again_only_where_its_time_says_something_else(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("abc")
    digest = (hashlib.sha256(b"abc").hexdigest(),)
    old = Input(path=path, source="a", bytes=3, modified=1, sha256=digest)
    touched = old.model_copy(update={"modified": 2})
    assert same_content(old, touched, verify=False)
    path.write_text("abd")
    assert not same_content(old, touched, verify=False)
    assert same_content(old, old, verify=False)
    assert not same_content(old, old, verify=True)


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_rejects_do_not_become_documents_when_the_manifest_is_lost(
    raw: Path, lmkit: Lmkit, damage: str
) -> None:
    lmkit("clean", raw, "--output", "clean")
    path = Path("clean/manifest.json")
    whole = path.read_text()
    path.unlink()
    if damage == "cut":
        path.write_text(whole[:200])
    with pytest.raises(InputError, match=r"rejected-00000.*there is no whole manifest\.json"):
        find_documents([Path("clean")], formats=("jsonl",))


def test_links_that_are_not_followed_are_counted(raw: Path) -> None:
    (raw / "dangling.txt").symlink_to("nowhere")
    Path("elsewhere").mkdir()
    (raw / "folder").symlink_to(Path("elsewhere").resolve())
    assert find_documents([raw], formats=("text",)).left_alone == {"links": 2}
