"""The display of a training run, on standard error.

Choices:
- On a terminal, one panel in a fixed position. Elsewhere (a pipe, a log file) a plain line every
  --log-every steps, without control codes:
  `step 100/2000  loss 3.2101  lr 1.00e-03  12,345 tok/s  1.2 GB  3:12 left`
- The panel shows the last loss and a smoothed one: a single batch is noisy.
- The time left includes everything that took time so far, validation and saving too.
- Other output to standard error appears above the panel.
"""

import math
import resource
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import torch
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table

from lmkit.execution.progress import log_message, warn
from lmkit.training.metrics import Record

SMOOTHING = 0.95
"""Decay of the smoothed loss: it averages about the last twenty steps."""


def resident_bytes() -> int:
    """Return the memory of this process; the maximum so far, where only that is known."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * resource.getpagesize()


def gpu_bytes() -> int:
    """Return the memory that torch has reserved on the current GPU."""
    return torch.cuda.memory_reserved()


class Monitor:
    """Displays a run that is at step `start` and ends at step `steps`."""

    def __init__(
        self,
        steps: int,
        start: int = 0,
        log_every: int = 10,
        memory: Callable[[], int] = resident_bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steps, self._start, self._log_every = steps, start, log_every
        self._memory, self._clock = memory, clock
        self._began = clock()
        self._smoothed = _Smoothed()
        self._validation_loss: float | None = None
        self._stack = ExitStack()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        # Not rich's own check: FORCE_COLOR, which CI sets, makes it assume a terminal.
        if sys.stderr.isatty():
            console = Console(file=sys.stderr)
            self._live = Live(console=console, refresh_per_second=4)
            self._stack.enter_context(self._live)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def step(self, record: Record) -> None:
        """Show a finished step."""
        self._smoothed.add(record.loss)
        measured = record.validation_loss
        self._validation_loss = self._validation_loss if measured is None else measured
        if self._live is not None:
            self._live.update(self._panel(record))
        elif self._is_logged(record):
            log_message(self._line(record))

    def warn(self, message: str) -> None:
        """Print a warning without breaking the panel."""
        warn(message)  # the panel puts what goes to standard error above itself

    def _is_logged(self, record: Record) -> bool:
        last = record.step == self._steps
        return record.step % self._log_every == 0 or last or record.validation_loss is not None

    def _line(self, record: Record) -> str:
        parts = [f"step {record.step}/{self._steps}", f"loss {_number(record.loss)}"]
        if record.validation_loss is not None:
            parts.append(f"validation {record.validation_loss:.4f}")
        parts += [
            f"lr {record.lr:.2e}",
            f"{record.tokens_per_second:,.0f} tok/s",
            f"{self._memory() / 1e9:.1f} GB",
            f"{duration(self._seconds_left(record.step))} left",
        ]
        return "  ".join(parts)

    def _panel(self, record: Record) -> Panel:
        validation = "-" if self._validation_loss is None else f"{self._validation_loss:.4f}"
        cells = {
            "loss": f"{_number(self._smoothed.mean)} (last {_number(record.loss)})",
            "validation loss": validation,
            "learning rate": f"{record.lr:.2e}",
            "gradient norm": f"{record.gradient_norm:.3f}",
            "tokens": f"{record.tokens:,}",
            "tokens/s": f"{record.tokens_per_second:,.0f}",
            "memory": f"{self._memory() / 1e9:.1f} GB",
            "time left": duration(self._seconds_left(record.step)),
        }
        numbers = Table.grid(padding=(0, 3))
        for name, value in cells.items():
            numbers.add_row(name, value)
        grid = Table.grid()  # a progress bar has no line end, a cell has
        grid.add_row(ProgressBar(total=self._steps, completed=record.step))
        grid.add_row(numbers)
        title = f"step {record.step:,} of {self._steps:,}"
        return Panel(grid, title=title, title_align="left", width=60)

    def _seconds_left(self, step: int) -> float:
        done = step - self._start
        return (self._clock() - self._began) / max(done, 1) * (self._steps - step)


def _number(loss: float) -> str:
    return "-" if math.isnan(loss) else f"{loss:.4f}"  # a batch without targets has no loss


class _Smoothed:
    """An exponential moving average with bias correction (as the moments of Adam)."""

    def __init__(self) -> None:
        self._sum, self._weight = 0.0, 0.0

    def add(self, value: float) -> None:
        if math.isfinite(value):  # one NaN would remain in the average
            self._sum = SMOOTHING * self._sum + (1 - SMOOTHING) * value
            self._weight = SMOOTHING * self._weight + (1 - SMOOTHING)

    @property
    def mean(self) -> float:
        return self._sum / self._weight if self._weight else math.nan


def duration(seconds: float) -> str:
    """Format a time as a clock does.

    >>> duration(192), duration(3725), duration(0.4)
    ('3:12', '1:02:05', '0:00')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
