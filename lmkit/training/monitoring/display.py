"""What rank zero shows and records of a run's steps; the other ranks show nothing.

Choices:
- Metrics are opened first and closed last, so that the lines of a run are complete whatever happens
  to its display.
- What is measured of the machine, and not of the model, is added here to the record of a step: its
  memory and the use of its GPU only every --log-every steps.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Self

import torch

from lmkit.execution.ranks import rank
from lmkit.training.evaluations.samples_file import Sample, SamplesFile
from lmkit.training.metrics import Metrics, Record, read
from lmkit.training.monitoring.console import Monitor
from lmkit.training.monitoring.gpu_usage import GpuUsage
from lmkit.training.monitoring.memory_use import gpu_bytes, resident_bytes
from lmkit.training.monitoring.peak_flops import ModelFlops
from lmkit.training.tracking.registry import TrackedRun


class Display:
    """The metrics and the monitor of a run that is at step `start` and ends at step `steps`."""

    def __init__(
        self,
        run: Path,
        steps: int,
        start: int,
        log_every: int,
        device: torch.device,
        model_flops: ModelFlops | None = None,
        tracked: TrackedRun | None = None,
    ) -> None:
        self._tracked = tracked
        self._run, self._steps, self._start, self._log_every = run, steps, start, log_every
        self._memory = gpu_bytes if device.type == "cuda" else resident_bytes
        self._gpu, self._model_flops = GpuUsage(device), model_flops
        self._stack = ExitStack()
        self._metrics: Metrics | None = None
        self._samples: SamplesFile | None = None
        self._monitor: Monitor | None = None

    def __enter__(self) -> Self:
        if rank() == 0:
            with self._stack:
                metrics = Metrics(self._run, self._start, self._log_every, self._tracked)
                self._metrics = self._stack.enter_context(metrics)
                self._samples = SamplesFile(self._run, self._start, metrics.add_text)
                self._stack.enter_context(self._gpu)
                monitor = Monitor(self._steps, self._start, self._log_every)
                self._monitor = self._stack.enter_context(monitor)
                if monitor.is_panel:
                    monitor.add_earlier(read(self._run))
                self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def step(self, record: Record) -> None:
        """Record and show a finished step."""
        if self._metrics and self._monitor:
            measured = self._measured(record, is_logged=self._monitor.is_logged(record))
            self._metrics.append(measured)
            self._monitor.step(measured)

    def add_samples(self, samples: Sequence[Sample]) -> None:
        """Record the texts that were generated after a step, and show the first."""
        if self._samples:
            self._samples.append(samples)

    def sync(self) -> None:
        """Wait until the metrics of every step are on disk."""
        if self._metrics:
            self._metrics.sync()

    def warn(self, message: str) -> None:
        """Print a warning without breaking the panel."""
        if self._monitor:
            self._monitor.warn(message)

    def _measured(self, record: Record, *, is_logged: bool) -> Record:
        """Add what the machine did."""
        if (work := self._model_flops) is not None:
            rate = record.tokens_per_second
            record = replace(record, flops_per_second=work.rate(rate), mfu=work.utilization(rate))
        if is_logged:
            record = replace(record, memory_bytes=self._memory(), gpu_utilization=self._gpu.read())
        return record
