import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from lmkit.artifacts import inputs as inputs_module
from lmkit.artifacts.inputs import (
    auto_shard_bytes,
    find_documents,
    make_tasks,
    open_slice,
    same_content,
    task_size,
    task_weight,
)
from lmkit.artifacts.manifest import Input
from lmkit.artifacts.tasks import ReadRange, TaskSize
from lmkit.errors import InputError, LmkitError

MB = 1_000_000


def origins(paths: list[Path]) -> list[str]:
    return [part.origin for part in find_documents(paths, formats=("text", "jsonl")).slices]


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
def test_an_unreadable_input_is_named(raw: Path, path: str, message: str) -> None:
    Path("empty").mkdir()
    (raw / "a.csv").touch()
    with pytest.raises(InputError, match=message):
        find_documents([Path(path)], formats=("text",))


def test_many_tiny_files_are_divided_between_tasks(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs_module, "MAX_FILES_PER_TASK", 4)
    Path("raw").mkdir()
    for number in range(10):
        Path(f"raw/{number}.txt").touch()
    tasks = make_tasks(find_documents([Path("raw")], formats=("text",)).slices)
    assert [len(task) for task in tasks] == [4, 4, 2]


def test_paths_may_come_from_a_file(raw: Path) -> None:
    Path("list").write_text(f"{raw}/dog.txt\n\n{raw}/cat.txt\n")
    found = find_documents([raw / "hi.txt"], Path("list"), formats=("text",))
    assert [part.origin for part in found.slices] == ["cat.txt", "dog.txt", "hi.txt"]


def test_paths_of_a_list_are_normalized_like_typed_ones_and_need_not_be_utf_8(raw: Path) -> None:
    odd = os.fsdecode(b"caf\xe9.txt")
    (raw / odd).write_text("x")
    Path("list").write_bytes(
        b"\xef\xbb\xbf./raw//dog.txt\r\nraw/cat.txt\nfile://%s/raw/hi.txt\nraw/caf\xe9.txt\n"
        % os.fsencode(Path.cwd())
    )
    typed = [raw / "dog.txt", raw / "cat.txt", Path.cwd() / raw / "hi.txt", raw / odd]
    from_list = find_documents([raw / "dog.txt"], Path("list"), formats=("text",))
    assert from_list.records == find_documents(typed, formats=("text",)).records
    assert [Path(record.path) for record in from_list.records] == sorted(
        typed, key=lambda path: (path.name, str(path))
    )


def test_an_input_that_is_neither_a_file_nor_a_folder_is_named(raw: Path) -> None:
    os.mkfifo("pipe")
    Path("loop").symlink_to("loop")
    for path, message in [
        ("pipe", "pipe: a pipe, socket or device; must be a file or folder"),
        ("/dev/zero", "/dev/zero: a pipe"),
        ("loop", "loop: cannot be read: Too many levels of symbolic links"),
        ("x" * 300, "cannot be read: File name too long"),
        ("a\0/..", "cannot be read: embedded null byte"),
    ]:
        with pytest.raises(InputError, match=message) as error:
            find_documents([Path(path)], formats=("text",))
        assert error.value.exit_code == 2


def test_big_files_of_lines_are_split_and_small_files_share_a_task(
    raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs_module, "RANGE_BYTES", 100)
    (raw / "big.jsonl").write_bytes(b"x" * 250)
    found = find_documents([raw], formats=("text", "jsonl"))
    tasks = make_tasks(found.slices, 100)
    sliced = [(p.start, p.stop) for task in tasks for p in task if p.origin == "big.jsonl"]
    assert sliced == [(0, 84), (84, 168), (168, 250)]  # 250 / 3, and no short rest
    assert [[part.origin for part in task] for task in tasks] == [
        ["big.jsonl"],
        ["big.jsonl"],
        ["big.jsonl"],
        ["cat.txt", "dog.txt", "hi.txt"],
        ["kat.txt"],
    ]


@pytest.mark.parametrize(
    ("total", "tasks"),
    [
        (1_000, 1),
        (27 * MB, 14),  # 2 MB each
        (270 * MB, 64),
        (4_096 * MB, 64),  # 64 MB each
        (400_000 * MB, 6_250),
        (1_280_000 * MB, 20_000),
        (100_000_000 * MB, 20_000),  # 5 GB each
    ],
)
def test_auto_makes_more_tasks_of_larger_inputs_up_to_a_limit(total: int, tasks: int) -> None:
    assert -(-total // auto_shard_bytes(total)) == tasks


def test_auto_splits_the_files_of_small_inputs_too(raw: Path) -> None:
    (raw / "big.jsonl").write_bytes(b"x" * 5_000_000)
    for number in range(10):
        (raw / f"{number}.txt").write_bytes(b"x" * 900_000)
    small = sum(path.stat().st_size for path in raw.glob("[a-z]*.txt"))
    found = find_documents([raw], formats=("text", "jsonl"))
    tasks = make_tasks(found.slices, "auto")
    assert [task_weight(task) for task in tasks] == [
        *[1_800_000] * 5,
        *[1_666_667] * 2,
        1_666_666 + small,
    ]
    assert len(make_tasks(found.slices)) == 1  # 64 MB
    assert len(make_tasks(found.slices, 1)) == 15  # with a number, files above 64 MB are split


def test_the_size_of_a_task_is_known_in_bytes_unless_it_reads_a_data_set(raw: Path) -> None:
    (raw / "packed.jsonl.gz").write_bytes(b"x" * 300)
    parts = find_documents([raw / "packed.jsonl.gz"], formats=("jsonl",)).slices
    assert task_size(parts) == TaskSize(900, 300)
    shard = parts[0]._replace(format="hub", stop=1)
    assert task_size([*parts, shard]).input_bytes is None


@pytest.mark.parametrize("range_bytes", [1, 3, 99, 100, 200])
def test_a_file_that_was_read_in_ranges_is_recognized_by_them(
    raw: Path, monkeypatch: pytest.MonkeyPatch, range_bytes: int
) -> None:
    monkeypatch.setattr(inputs_module, "RANGE_BYTES", range_bytes)
    data = bytes(range(250))
    (raw / "big.jsonl").write_bytes(data)
    found = find_documents([raw / "big.jsonl"], formats=("jsonl",))
    ranges = [(p.start, p.stop) for task in make_tasks(found.slices, 100) for p in task]
    hashes = tuple(hashlib.sha256(data[start:stop]).hexdigest() for start, stop in ranges)
    (now,) = found.records
    old = replace(now, sha256=hashes, modified=1)
    assert same_content(old, now, verify=False)
    (raw / "big.jsonl").write_bytes(data[:-1] + b"!")
    assert not same_content(old, now, verify=False)


def test_a_file_that_changes_or_is_deleted_after_planning_is_named(raw: Path) -> None:
    (part, *_) = find_documents([raw / "cat.txt"], formats=("text",)).slices
    read_ranges: list[ReadRange] = []
    for _ in open_slice(part, read_ranges):
        pass
    assert read_ranges[0].sha256 == hashlib.sha256((raw / "cat.txt").read_bytes()).hexdigest()
    (raw / "cat.txt").write_text("something else")
    with pytest.raises(LmkitError, match=r"cat\.txt: it has changed") as changed:
        list(open_slice(part, read_ranges))
    (raw / "cat.txt").unlink()
    with pytest.raises(LmkitError, match=r"cat\.txt: .* is gone") as deleted:
        list(open_slice(part, read_ranges))
    assert changed.value.exit_code == deleted.value.exit_code == 1


def test_a_file_is_read_again_only_if_its_time_changed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("abc")
    digest = (hashlib.sha256(b"abc").hexdigest(),)
    old = Input(path=str(path), source="a", bytes=3, modified=1, sha256=digest)
    touched = replace(old, modified=2)
    assert same_content(old, touched, verify=False)
    path.write_text("abd")
    assert not same_content(old, touched, verify=False)
    assert same_content(old, old, verify=False)
    assert not same_content(old, old, verify=True)
