"""Jobs as submitit runs them on one machine, where it is installed; else only what needs none."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from lmkit.errors import ConfigError, LmkitError
from lmkit.execution.executors import slurm_executor
from lmkit.execution.executors.executor import run_on
from lmkit.execution.executors.options import SlurmConfig
from lmkit.execution.executors.remote_call import RemoteFunction
from lmkit.execution.executors.slurm_executor import SlurmExecutor, TaskArray
from tests.execution.executors.made import die, die_once, fail_at_three, square

needs_submitit = pytest.mark.skipif(
    find_spec("submitit") is None, reason="submitit isn't installed (pip install '.[slurm]')"
)


def executor(folder: Path, retries: int = 2, jobs: int = 3) -> SlurmExecutor:
    return SlurmExecutor(SlurmConfig(jobs=jobs), retries, None, folder, cluster="local")


def numbers(one: SlurmExecutor, function: Any, tasks: Any) -> list[Any]:
    return run_on(one, function, tasks, range(len(tasks)), lambda number: None)


def test_a_machine_without_slurm_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="no sbatch on this machine"):
        SlurmExecutor(SlurmConfig(), 1, None, tmp_path)


@pytest.mark.parametrize(
    ("answer", "is_there"),
    [
        ("echo 'Slurmctld(primary) at head is UP'", True),
        ("echo 'Slurmctld(primary) at head is DOWN'; exit 1", False),
        ("sleep 30", False),
    ],
)
def test_a_controller_that_doesnt_answer_is_refused_at_once(
    answer: str, is_there: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, script in (("sbatch", "exit 1"), ("scontrol", f"exec 2>&1\n{answer}")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(slurm_executor, "PING_SECONDS", 1.0)
    if is_there:
        SlurmExecutor(SlurmConfig(), 1, None, tmp_path)
        return
    with pytest.raises(ConfigError, match="no controller of Slurm answers"):
        SlurmExecutor(SlurmConfig(), 1, None, tmp_path)


@pytest.mark.parametrize(
    ("typed", "message"),
    [("mem", "must be KEY=VALUE"), ("=8G", "must be KEY=VALUE"), ("time=1", "lmkit sets itself")],
)
def test_options_of_sbatch_are_checked(typed: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        SlurmExecutor(SlurmConfig(options=(typed,)), 1, None, tmp_path, cluster="local")


def test_options_of_sbatch_are_taken_as_they_are_typed_there() -> None:
    found = slurm_executor.sbatch_options(("--mem=8G", "mail-type=END"))
    assert found == {"mem": "8G", "mail_type": "END"}


def test_a_job_ends_with_its_first_error(here: Path) -> None:
    array = TaskArray(RemoteFunction.of(fail_at_three), [(0, 1), (1, 3), (2, 5)])
    assert [(each.number, each.error is None) for each in array()] == [(0, True), (1, False)]


@needs_submitit
def test_tasks_give_their_results(here: Path) -> None:
    assert numbers(executor(here), square, range(7)) == [n * n for n in range(7)]
    assert (here / "slurm").is_dir()


@needs_submitit
def test_an_error_is_not_repeated(here: Path) -> None:
    with pytest.raises(LmkitError, match="task 3 can't be read") as error:
        numbers(executor(here), fail_at_three, range(6))
    assert error.value.hint == "a hint"


@needs_submitit
def test_the_tasks_of_a_lost_job_are_given_again(here: Path) -> None:
    marks = [str(here / str(number)) for number in range(2)]
    assert numbers(executor(here), die_once, marks) == ["done"] * 2


@needs_submitit
def test_a_job_that_always_dies_is_named(here: Path) -> None:
    with pytest.raises(LmkitError, match="task 0 and 1 others: their job was lost 2 times"):
        numbers(executor(here, retries=1, jobs=1), die, range(2))
