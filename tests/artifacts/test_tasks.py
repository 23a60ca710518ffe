from pathlib import Path

import pytest

from lmkit.artifacts.tasks import TaskWriter, finished, run_tasks


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


@pytest.mark.parametrize("lost", ["a.out", ".partial/a.tmp"])
def test_a_task_whose_files_were_deleted_is_not_finished(tmp_path: Path, lost: str) -> None:
    run(tmp_path, "a")
    assert finished(tmp_path, "step", 0)
    (tmp_path / lost).unlink()
    assert not finished(tmp_path, "step", 0)
    assert run(tmp_path, "a") == ["a"]
    assert (tmp_path / lost).exists()
