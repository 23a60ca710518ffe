"""The display of a training run, on standard error.

Choices:
- On a terminal, one panel in a fixed position (`run_panel`). Elsewhere (a pipe, a log file) a plain
  line every --log-every steps, without control codes:
  `step 100/2000  loss 3.2101  lr 1.00e-03  12,345 tok/s  1.2 GB  3:12 left`
- The panel is drawn once a second, however fast the steps are: it takes 5 ms, for which the
  training waits.
- The time left includes everything that took time after the first step, validation and saving too.
  The first step compiles the model, which isn't repeated.
- Other output to standard error appears above the panel.
"""

import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from threading import Lock
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live

from lmkit.execution.amounts import clock as clock_time
from lmkit.execution.progress import log_message, warn
from lmkit.training.metrics import Record
from lmkit.training.monitoring.run_panel import RunPanel, number

DRAWN = 1
"""Times a second."""
NOTABLE_WAIT = 0.05
"""Fraction of a step from which on waiting for sequences is worth a word in a line."""


class Monitor:
    """Displays a run that is at step `start` and ends at step `steps`."""

    def __init__(
        self,
        steps: int,
        start: int = 0,
        log_every: int = 10,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steps, self._start, self._log_every = steps, start, log_every
        self._clock, self._began = clock, clock()
        self._counted_from = start
        self._panel = RunPanel(steps)
        self._console: Console | None = None
        self._lock = Lock()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        # Not rich's own check: FORCE_COLOR, which CI sets, makes it assume a terminal.
        if sys.stderr.isatty():
            self._console = Console(file=sys.stderr)
            live = Live(get_renderable=self._drawn, console=self._console, refresh_per_second=DRAWN)
            self._stack.enter_context(live)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def is_panel(self) -> bool:
        """Whether there is a panel."""
        return self._console is not None

    def add_earlier(self, records: Iterable[Record]) -> None:
        """Add the steps before `start` to the curve."""
        for record in records:
            with self._lock:
                self._panel.add_to_curve(record)

    def step(self, record: Record) -> None:
        """Show a finished step."""
        with self._lock:
            seconds_left = self._seconds_left(record.step)
            self._panel.step(record, seconds_left)
        if not self.is_panel and self.is_logged(record):
            log_message(self._line(record, seconds_left))

    def warn(self, message: str) -> None:
        """Print a warning without breaking the panel."""
        warn(message)  # the panel puts what goes to standard error above itself

    def _drawn(self) -> RenderableType:
        assert self._console
        with self._lock:
            return self._panel.drawn(self._console.width, self._console.height)

    def is_logged(self, record: Record) -> bool:
        """Whether a step has a line in a log."""
        last = record.step == self._steps
        return record.step % self._log_every == 0 or last or record.validation_loss is not None

    def _line(self, record: Record, seconds_left: float) -> str:
        parts = [f"step {record.step}/{self._steps}", f"loss {number(record.loss)}"]
        if record.validation_loss is not None:
            parts.append(f"validation {record.validation_loss:.4f}")
        parts += [f"lr {record.lr:.2e}", f"{record.tokens_per_second:,.0f} tok/s"]
        if record.mfu is not None:
            parts.append(f"MFU {record.mfu:.1%}")
        if (waited := self._panel.waited) is not None and waited >= NOTABLE_WAIT:
            parts.append(f"{waited:.0%} waiting for data")
        if record.memory_bytes is not None:
            parts.append(f"{record.memory_bytes / 1e9:.1f} GB")
        parts.append(f"{clock_time(seconds_left)} left")
        return "  ".join(parts)

    def _seconds_left(self, step: int) -> float:
        now = self._clock()
        seconds_per_step = (now - self._began) / max(step - self._counted_from, 1)
        if step == self._start + 1:
            self._began, self._counted_from = now, step
        return seconds_per_step * (self._steps - step)
