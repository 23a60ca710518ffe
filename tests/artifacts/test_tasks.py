from pathlib import Path

import pytest

from lmkit.artifacts.tasks import (
    TaskFiles,
    TaskSize,
    TaskWriter,
    corrupt_tasks,
    finished,
    run_tasks,
)
from lmkit.execution.meter import count_bytes, count_document


def work(task: str, writer: TaskWriter) -> None:
    if task == "bad":
        raise RuntimeError
    with writer.file(f"{task}.out") as path:
        path.write_text(task)
    with writer.scratch_file(f"{task}.tmp") as path:
        path.write_text(task)
    writer.facts = {"task": task}


def run(folder: Path, *tasks: str) -> list[str]:
    (folder / ".partial").mkdir(exist_ok=True)
    receipts = run_tasks(folder, "step", work, tasks, workers=1, label="x")
    return [receipt.facts["task"] for receipt in receipts]


def test_files_are_moved_to_their_folders_and_receipts_are_returned_in_order(
    tmp_path: Path,
) -> None:
    assert run(tmp_path, "a", "b") == ["a", "b"]
    assert (tmp_path / "a.out").read_text() == "a"
    assert (tmp_path / ".partial" / "b.tmp").read_text() == "b"


def test_a_finished_task_is_not_done_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RuntimeError):
        run(tmp_path, "a", "bad")
    before = (tmp_path / "a.out").stat().st_mtime_ns
    run(tmp_path, "a", "c")
    assert (tmp_path / "a.out").stat().st_mtime_ns == before
    assert "resuming: 1 of 2 tasks" in capsys.readouterr().err


def read_and_write(task: str, writer: TaskWriter) -> None:
    count_bytes(len(task))
    count_document()
    work(task, writer)


def test_the_bytes_of_finished_tasks_are_no_part_of_what_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".partial").mkdir()

    def size(task: str) -> TaskSize:
        return TaskSize(1, len(task))

    def run_all(*tasks: str) -> str:
        run_tasks(tmp_path, "s", read_and_write, tasks, workers=1, label="x", size=size)
        return capsys.readouterr().err

    with pytest.raises(RuntimeError):
        run_all("four", "bad")
    count_bytes(100)  # what was read before
    assert "x: 100%, 1 document, 5 B, " in run_all("four", "seven")


@pytest.mark.parametrize("lost", ["a.out", ".partial/a.tmp"])
def test_a_task_whose_files_were_deleted_is_not_finished(tmp_path: Path, lost: str) -> None:
    run(tmp_path, "a")
    assert finished(tmp_path, "step", 0)
    (tmp_path / lost).unlink()
    assert not finished(tmp_path, "step", 0)
    assert run(tmp_path, "a") == ["a"]
    assert (tmp_path / lost).exists()


class Lines(TaskFiles):
    """A scratch file, whose last line is written at the end."""

    def __init__(self, writer: TaskWriter, end: str = "end") -> None:
        super().__init__()
        path = self.stack.enter_context(writer.scratch_file("lines"))
        self.file = self.stack.enter_context(path.open("w"))
        self._end = end

    def close(self) -> None:
        self.file.write(f"{1 // len(self._end)}{self._end}")


def test_files_appear_when_their_context_ends_without_error(tmp_path: Path) -> None:
    writer = TaskWriter(tmp_path, "notes", 0)
    with Lines(writer) as lines:
        lines.file.write("first ")
        assert not (writer.partial / "lines").exists()
    assert (writer.partial / "lines").read_text() == "first 0end"
    assert [output.bytes for output in writer.finish().scratch] == [10]


@pytest.mark.parametrize("at_the_end", [False, True])
def test_after_an_error_no_file_is_left(tmp_path: Path, at_the_end: bool) -> None:
    writer = TaskWriter(tmp_path, "notes", 0)
    with pytest.raises(ZeroDivisionError), Lines(writer, end="" if at_the_end else "end"):
        _ = 0 if at_the_end else 1 / 0
    assert not [*writer.partial.iterdir()]
    assert writer.finish().scratch == ()


@pytest.mark.parametrize("damage", ["1", "{}", '"facts": {}', "\x00"])
def test_a_task_whose_receipt_is_damaged_is_run_again(damage: str, tmp_path: Path) -> None:
    run(tmp_path, "a", "b")
    receipt = tmp_path / ".partial/step-00000.json"
    written = receipt.read_text()
    for text in (damage, written.replace('"task": "a"', '"task": 7'), written[:-9], "[" * 9_999):
        receipt.write_text(text)
        assert finished(tmp_path, "step", 0) is None
        assert corrupt_tasks(tmp_path, "step", 2) == [0]
    assert run(tmp_path, "a", "b") == ["a", "b"]
    assert receipt.read_text() != damage
