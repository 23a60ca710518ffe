"""A profile of some steps: a trace that Perfetto opens, and the costliest operations.

    profile/steps-00000006-00000015.json.gz

Choices:
- Rank zero profiles itself. In its trace, waiting for the others is an operation, too; a file of
  each rank would need a file system that all of them share.
- The first steps of a process are slow (memory is allocated, kernels are chosen), so some are left
  out. Nothing is recorded in them.
- Memory grows with the steps that are recorded, not with those of the run: about 2 kB for an
  operation until the trace is written. Stacks and shapes, which would multiply that, aren't
  recorded.
- Nothing that a step computes depends on it. A trace that can't be written is a warning.
- A run that resumes profiles again, into another file: the name has the steps.
"""

import gzip
import os
import shutil
from pathlib import Path
from typing import Any, Self

from torch.profiler import ProfilerAction, profile

from lmkit.artifacts.tasks import PARTIAL
from lmkit.execution.progress import log_message, warn
from lmkit.storage.atomic_files import atomic_write
from lmkit.training.profiling.operation_costs import operation_costs

PROFILE = "profile"
WARMUP_STEPS = 5
"""Steps of a process before those that are recorded."""
OF_TRAINING = ("computing", "reading sequences")
COMPRESSION = 6
"""Of gzip: a fifth of the time of its default, and 9% larger."""


class StepProfile:
    """Profiles `steps` steps of a run, once; with none, it does nothing."""

    def __init__(self, run: Path, steps: int | None) -> None:
        self._run, self._steps = run, steps
        self._profiler: Any = None
        self._first = self._step = 0
        self._others: dict[str, None] = {}
        """What was done in between, in order."""

    def beat(self, step: int, activity: str) -> None:
        """Record what this process starts to do."""
        if self._steps is None:
            return
        if self._profiler is None:
            self._begin(step)
        elif activity == "computing":
            self._step = step
            self._profiler.step()
            if step >= self._first + self._steps:
                self._end()
        elif activity not in OF_TRAINING and self._step >= self._first:
            self._others[activity] = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._profiler is not None:
            self._end()

    def _begin(self, step: int) -> None:
        os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else it prints two lines for developers
        self._first = step + WARMUP_STEPS
        self._profiler = profile(schedule=self._action, on_trace_ready=self._write)
        self._profiler.step_num = self._step = step  # so that the trace has the numbers of the run
        self._profiler.start()

    def _end(self) -> None:
        if self._step < self._first:
            warn(
                f"--profile: nothing to show, the run ended with step {self._step} and its first "
                f"{WARMUP_STEPS} steps aren't profiled"
            )
        self._profiler.stop()
        self._profiler = self._steps = None

    def _action(self, step: int) -> ProfilerAction:
        assert self._steps is not None
        position = step - self._first
        if 0 <= position < self._steps:
            is_last = position == self._steps - 1
            return ProfilerAction.RECORD_AND_SAVE if is_last else ProfilerAction.RECORD
        return ProfilerAction.WARMUP if position == -1 else ProfilerAction.NONE

    def _write(self, profiler: Any) -> None:
        assert self._steps is not None
        last = min(self._step, self._first + self._steps - 1)
        path = self._run / PROFILE / f"steps-{self._first:08}-{last:08}.json.gz"
        try:
            self._write_trace(profiler, path)
        except (OSError, RuntimeError) as error:  # torch's own, where it can't write
            warn(f"--profile: no trace: {error}")
            return
        count = last - self._first + 1
        steps = f"{count:,} steps" if count > 1 else "1 step"
        early = f", of the {self._steps:,} asked for," if count < self._steps else ""
        others = f", with {' and '.join(self._others)} in between" if self._others else ""
        log_message(f"profile of {steps}{early} from step {self._first:,}{others}")
        log_message(operation_costs(profiler.profiler.kineto_results.events()))
        log_message(f"  the trace, for ui.perfetto.dev: {path}")

    def _write_trace(self, profiler: Any, path: Path) -> None:
        scratch = self._run / PARTIAL
        for folder in (scratch, path.parent):
            folder.mkdir(exist_ok=True)
        # Named as what a killed run may leave there.
        trace = scratch / f"trace.json.{os.getpid()}-0"
        try:
            profiler.export_chrome_trace(str(trace))
            with (
                atomic_write(path, scratch) as packed,
                trace.open("rb") as content,
                gzip.open(packed, "wb", COMPRESSION) as file,
            ):
                shutil.copyfileobj(content, file)
        finally:
            trace.unlink(missing_ok=True)
