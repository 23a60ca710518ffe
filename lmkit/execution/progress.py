"""Progress and messages while a stage runs.

Choices:
- Everything here is written to standard error; standard output is for results.
- A line that is kept up to date on a terminal (`progress_line.py`); elsewhere, in a log file of a
  batch job, about ten plain lines for each part of the work, and of what takes a second one at
  most.
- A plain line is printed at each tenth of the work, and after a minute without one; then after
  two, four and so on, so that a run of days doesn't fill its log. It says how much time is left
  where that is long enough to wait for.
- File names and their content may hold anything: control characters, which could rewrite a
  terminal, are shown as escapes. So are bidirectional overrides, which make a text look like
  another one (Trojan Source, Boucher and Anderson 2021, arXiv 2111.00169). Marks of direction,
  which Arabic and Hebrew text needs, and which can't reorder letters, stay.
- A word of 5,000 characters, such as an id of megabytes, is no longer one that a person reads: its
  beginning and its length are shown. A path is shorter.
"""

import re
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import Protocol

from lmkit.execution.amounts import duration
from lmkit.execution.meter import InputRead, read_here
from lmkit.execution.ranks import rank
from lmkit.execution.work import BYTES, Work, WorkState

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
LONG_WORD = re.compile(r"(?<!\S)\S{5000,}")
SHOWN_OF_LONG = 200
"""Characters."""

LEAST_TIME_LEFT = 5
"""Seconds; a time left that is shorter is not printed."""
BETWEEN_LINES = 2
"""Seconds between two plain lines at least."""
PATIENCE = 60
"""Seconds without a plain line until there is one, at first."""
POLLED_EVERY = 0.5
"""Seconds."""


class Step(Protocol):
    """Advances a progress."""

    def __call__(self, count: int = 1, /) -> None:
        """Advance it by so many units."""
        ...


def log_message(message: str) -> None:
    """Print a message that is not a result; of several processes, only rank 0 prints."""
    if rank() == 0:
        print(readable(message), file=sys.stderr, flush=True)


def printable(message: str) -> str:
    r"""Show control characters and lone surrogates as escapes.

    >>> printable("a\x1b[1m\n")
    'a\\x1b[1m\n'
    """
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], message)


def readable(message: str) -> str:
    """Show what `printable` does, and of very long words the beginning.

    >>> readable("document " + "a" * 1_000_000)[200:]
    'aaaaaaaaa... (1,000,000 characters)'
    """
    return LONG_WORD.sub(lambda found: beginning(found[0]), printable(message))


def beginning(text: str) -> str:
    """Return the beginning of a long text, and its length."""
    return f"{text[:SHOWN_OF_LONG]}... ({len(text):,} characters)"


def warn(message: str) -> None:
    """Print a warning."""
    log_message("Warning: " + message.replace("\n", "\\n"))


@contextmanager
def progress(
    label: str,
    total: int | None,
    unit: str = "task",
    read: Callable[[], InputRead] = read_here,
) -> Generator[Step]:
    """Show the progress of `total` units of work; the yielded function advances it.

    Where the unit is "B", the bytes that processes `read` advance it too. Where `total` is an
    estimate, it is never passed; where it is None, the time is shown that the work has taken.

    Progress inside of another's is not shown: what is shown is that of the whole.
    """
    if rank() > 0 or not _displays.acquire(blocking=False):
        yield lambda _=1: None
        return
    try:
        work = Work(label, total, unit, read)
        # Not rich's own check: with FORCE_COLOR, which CI sets, it always detects a terminal.
        if sys.stderr.isatty():
            from lmkit.execution.progress_line import live_line  # --help needs none of it

            with live_line(work):
                yield lambda count=1: work.advance(count)
        else:
            with _plain_lines(work) as step:
                yield step
    finally:
        _displays.release()


_displays = Lock()
"""Held while a progress is shown."""


@contextmanager
def _plain_lines(work: Work) -> Generator[Step]:
    lines, ended = _PlainLines(work), Event()

    def step(count: int = 1) -> None:
        work.advance(count)
        lines.print_if_due()

    def poll() -> None:
        while not ended.wait(POLLED_EVERY):
            lines.print_if_due()

    thread = Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield step
    finally:
        ended.set()
        thread.join()
    lines.print_last()


class _PlainLines:
    """Prints a line at each tenth of some work, and where nothing was printed for long."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._lock = Lock()
        self._tenths = 0
        self._printed = 0.0
        self._patience = PATIENCE if work.state().is_measured else BETWEEN_LINES

    def print_if_due(self) -> None:
        """Print a line if it is time."""
        with self._lock:
            state = self._work.state()
            waited = state.seconds - self._printed
            tenths = int(10 * state.fraction)
            if waited >= self._patience:
                self._patience = max(PATIENCE, 2 * self._patience)
            # The last line is printed when the work has ended.
            elif tenths in {self._tenths, 10} or waited < BETWEEN_LINES:
                return
            self._print(state, tenths)

    def print_last(self) -> None:
        """Print that it has ended; of mere tasks, only where they took long."""
        state = self._work.state()
        if state.is_measured and (state.unit != "task" or state.seconds >= BETWEEN_LINES):
            self._print(state, 10)

    def _print(self, state: WorkState, tenths: int) -> None:
        self._tenths, self._printed = tenths, state.seconds
        log_message(f"{state.label}: {_sentence(state)}")


def _sentence(state: WorkState) -> str:
    """Return how far some work is, for a plain line."""
    share = f"{state.fraction:.0%}" if state.unit == BYTES else ""
    left = state.seconds_left or 0
    time = f"about {duration(left)} left" if left >= LEAST_TIME_LEFT else ""
    if not state.is_measured:
        time = f"{duration(state.seconds)} so far"
    parts = [share, state.documents_read, state.amount, *state.rates, time]
    return ", ".join(part for part in parts if part)
