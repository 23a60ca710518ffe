"""Tasks as the jobs of a Slurm array, submitted by submitit.

Choices:
- A job has a part of the tasks, which it does one after the other: clusters limit the jobs of an
  array, and a job takes seconds to start. The largest tasks are dealt out first.
- A job that is preempted, or reaches its time limit, is put into the queue again, and finds by the
  receipts what it has done. So does the job that gets the tasks of one that was lost.
- What submitit writes (the tasks, logs) lies in the output's own folder, which all machines see.
"""

import shutil
import subprocess
import time
from collections.abc import Generator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from lmkit.errors import ConfigError, LmkitError
from lmkit.execution.executors.executor import Executor, RemoteStep
from lmkit.execution.executors.options import SlurmConfig
from lmkit.execution.executors.remote_call import Outcome, RemoteFunction, run_remotely
from lmkit.execution.progress import log_message

LOGS = "slurm"
"""The folder of submitit's files, in the scratch folder of an output."""
POLL_SECONDS = 0.5
PING_SECONDS = 8.0
GIVEN = {"array_parallelism", "partition", "time", "timeout_min", "cpus_per_task", "job_name"}
"""Options of sbatch that other options of lmkit set."""


class TaskArray:
    """The tasks of one job."""

    def __init__(self, function: RemoteFunction, tasks: Sequence[tuple[int, Any]]) -> None:
        self.function, self.tasks = function, tasks

    def __call__(self) -> list[Outcome]:
        """Do them; after an error, none that follow."""
        outcomes: list[Outcome] = []
        for number, task in self.tasks:
            outcomes.append(run_remotely(self.function, number, task))
            if outcomes[-1].error is not None:
                break
        return outcomes

    def checkpoint(self, *_: Any) -> Any:
        """Return what submitit puts into the queue again when the job has to end."""
        return import_module("submitit").helpers.DelayedSubmission(self)


class SlurmExecutor(Executor):
    """Runs tasks as jobs of Slurm; `cluster` is submitit's name for what runs them."""

    def __init__(
        self,
        options: SlurmConfig,
        retries: int,
        at_most: int | None,
        scratch: Path,
        cluster: str = "slurm",
    ) -> None:
        self._options, self._retries, self._at_most = options, retries, at_most
        self._scratch, self._cluster = scratch, cluster
        self._extra = sbatch_options(options.options)
        if cluster == "slurm":
            _refuse_without_controller()

    def outcomes(self, step: RemoteStep) -> Generator[Outcome]:
        """Yield what became of each task, as its job ends; to close it ends what runs."""
        count = min(self._options.jobs, len(step.order))
        pairs = [(number, step.tasks[number]) for number in step.order]
        arrays = [TaskArray(step.function, pairs[start::count]) for start in range(count)]
        running = dict.fromkeys(zip(self._submit(arrays), arrays, strict=True), 0)
        try:
            while running:
                ended = [pair for pair in running if pair[0].done()]
                for job, array in ended:
                    tries = running.pop((job, array))
                    outcomes = _outcomes(job)
                    if outcomes is None and tries < self._retries and step.gives_more():
                        log_message(f"slurm: job {job.job_id} was lost; its tasks are given again")
                        (again,) = self._submit([array])
                        running[again, array] = tries + 1
                        continue
                    yield from outcomes if outcomes is not None else [self._lost(job, array)]
                if not ended:
                    time.sleep(POLL_SECONDS)
        finally:
            for job, _ in running:
                job.cancel(check=False)

    def _submit(self, arrays: Sequence[TaskArray]) -> list[Any]:
        submitit = import_module("submitit")
        logs = self._scratch / LOGS
        logs.mkdir(parents=True, exist_ok=True)
        executor = submitit.AutoExecutor(folder=logs.resolve(), cluster=self._cluster)
        executor.update_parameters(timeout_min=self._options.minutes, name="lmkit", cpus_per_task=1)
        if self._cluster == "slurm":
            executor.update_parameters(slurm_array_parallelism=self._at_most or len(arrays))
            if self._options.partition:
                executor.update_parameters(slurm_partition=self._options.partition)
            if self._extra:
                executor.update_parameters(slurm_additional_parameters=self._extra)
        try:
            with executor.batch():
                return [executor.submit(array) for array in arrays]
        except submitit.core.utils.FailedJobError as error:
            reason = str(error).strip().splitlines()[-1]
            raise LmkitError(f"--executor slurm: sbatch refused the jobs: {reason}") from None

    def _lost(self, job: Any, array: TaskArray) -> Outcome:
        first = array.tasks[0][0]
        times = self._retries + 1
        return Outcome(
            first,
            error=LmkitError(
                f"task {first} and {len(array.tasks) - 1} others: their job was lost {times} "
                f"times, last as {job.job_id}, state {job.state}",
                f"finished tasks are kept: see {self._scratch / LOGS}/{job.job_id}_*, and run the "
                "same again",
            ),
        )


def _refuse_without_controller() -> None:
    """Raise ConfigError where nothing would take a job: `sbatch` tries for minutes."""
    if shutil.which("sbatch") is None:
        raise ConfigError(
            "--executor slurm: there is no sbatch on this machine",
            "run the command on a machine from which jobs are submitted",
        )
    try:
        command = ["scontrol", "ping"]
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=PING_SECONDS, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        answer = ""
    if " is UP" not in answer:
        raise ConfigError(
            "--executor slurm: no controller of Slurm answers",
            "see what `scontrol ping` prints, or ask the administrator of the cluster",
        )


def _outcomes(job: Any) -> list[Outcome] | None:
    """Return what became of the tasks of a job that has ended; None where it was lost."""
    errors = import_module("submitit").core.utils
    try:
        return job.result()
    except (errors.UncompletedJobError, errors.FailedJobError, OSError, EOFError):
        return None


def sbatch_options(typed: Sequence[str]) -> dict[str, str]:
    """Return options of sbatch by name."""
    found: dict[str, str] = {}
    for text in typed:
        name, equals, value = text.removeprefix("--").partition("=")
        if not name or not equals:
            raise ConfigError(f"--slurm.options: got {text}, must be KEY=VALUE, such as mem=8G")
        if name.replace("-", "_") in GIVEN:
            raise ConfigError(
                f"--slurm.options: got {text}, which lmkit sets itself",
                "see --slurm.partition, --slurm.minutes, --slurm.jobs and --workers",
            )
        found[name.replace("-", "_")] = value
    return found
