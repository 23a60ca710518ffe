from pathlib import Path

import pytest

from lmkit.artifacts import late_names, tasks
from lmkit.artifacts.late_names import Patience
from lmkit.artifacts.tasks import (
    TaskFiles,
    TaskSize,
    TaskWriter,
    corrupt_tasks,
    finished,
    run_tasks,
)
from lmkit.errors import LmkitError
from lmkit.execution.meter import count_bytes, count_document
from tests.execution.executors.made import Here


def work(task: str, writer: TaskWriter) -> None:
    if task == "bad":
        raise RuntimeError
    with writer.file(f"{task}.out") as path:
        path.write_text(task)
    with writer.scratch_file(f"{task}.tmp") as path:
        path.write_text(task)
    writer.facts = {"task": task}


def run(folder: Path, *names: str) -> list[str]:
    (folder / ".partial").mkdir(exist_ok=True)
    receipts = run_tasks(folder, "step", work, names, workers=1, label="x")
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


def hidden(monkeypatch: pytest.MonkeyPatch, kind: str, times: int) -> list[Path]:
    """Hide files of a kind from this process the first few times that each is looked for."""
    asked: list[Path] = []
    size_of = late_names.size_of

    def late(path: Path) -> int | None:
        asked.append(path)
        is_hidden = path.name.endswith(kind) and asked.count(path) <= times
        return None if is_hidden else size_of(path)

    monkeypatch.setattr(late_names, "size_of", late)
    monkeypatch.setattr(late_names, "FIRST_PAUSE", 0.001)
    return asked


def run_elsewhere(folder: Path, *names: str) -> list[str]:
    (folder / ".partial").mkdir(exist_ok=True)
    receipts = run_tasks(folder, "step", work, names, workers=1, label="x", executor=Here())
    return [receipt.facts["task"] for receipt in receipts]


@pytest.mark.parametrize("kind", [".out", ".tmp"])
def test_what_another_machine_wrote_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    asked = hidden(monkeypatch, kind, 3)
    assert run_elsewhere(tmp_path, "a", "b") == ["a", "b"]
    assert max(asked.count(path) for path in asked) >= 4
    asked.clear()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.out")}
    assert corrupt_tasks(tmp_path, "step", 2, Patience(60)) == []
    assert run_elsewhere(tmp_path, "a", "b") == ["a", "b"]
    assert {path: path.stat().st_mtime_ns for path in before} == before, "done again"


def test_what_never_appears_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden(monkeypatch, "a.tmp", 10**9)
    monkeypatch.setattr(tasks, "LATE_BY", 0.01)
    with pytest.raises(LmkitError, match=r"a.tmp: a machine wrote it, and this one doesn't"):
        run_elsewhere(tmp_path, "a", "b")


def test_what_this_machine_wrote_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, "a")
    monkeypatch.setattr(late_names.time, "sleep", lambda _: pytest.fail("waits"))
    (tmp_path / ".partial" / "a.tmp").unlink()
    assert corrupt_tasks(tmp_path, "step", 1) == [0]
    assert run(tmp_path, "a") == ["a"]
