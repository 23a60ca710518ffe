"""Progress and messages while a stage runs.

Choices:
- Everything here is written to standard error; standard output is for results.
- A progress bar on a terminal; elsewhere (a log file, a batch job) about ten plain lines in total.
- A plain line says how much time is left where that is long enough to wait for.
- File names and their content may hold anything: control characters, which could rewrite a
  terminal, are shown as escapes.
"""

import re
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock
from typing import Protocol

from lmkit.execution.ranks import rank

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

SHORTEST_SHOWN = 5
"""Seconds that are worth telling."""


class Step(Protocol):
    """Advances a progress."""

    def __call__(self, count: int = 1, /) -> None:
        """Advance it by so many units."""
        ...


def log_message(message: str) -> None:
    """Print a message that is not a result; of several processes, only rank 0 prints."""
    if rank() == 0:
        print(printable(message), file=sys.stderr, flush=True)


def printable(message: str) -> str:
    r"""Show control characters and lone surrogates as escapes.

    >>> printable("a\x1b[1m\n")
    'a\\x1b[1m\n'
    """
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], message)


def warn(message: str) -> None:
    """Print a warning."""
    log_message("Warning: " + message.replace("\n", "\\n"))


@contextmanager
def progress(label: str, total: int, unit: str = "task") -> Generator[Step]:
    """Show the progress of `total` units of work; the yielded function advances it.

    Where `total` is an estimate, it is never passed.

    Progress inside of another's is not shown: what is shown is that of the whole.
    """
    if not _displays.acquire(blocking=False):
        yield lambda _=1: None
        return
    try:
        # Not rich's own check: with FORCE_COLOR, which CI sets, it always detects a terminal.
        with (_bar if sys.stderr.isatty() else _lines)(label, total, unit) as step:
            yield step
    finally:
        _displays.release()


_displays = Lock()
"""Held while a progress is shown."""


@contextmanager
def _bar(label: str, total: int, unit: str) -> Generator[Step]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    words = [] if unit == "task" else [TextColumn(_plural(unit, total))]
    console = Console(stderr=True)
    with Progress(
        *columns, *words, TimeRemainingColumn(), console=console, transient=True, disable=rank() > 0
    ) as bar:
        task = bar.add_task(label, total=total)

        def step(count: int = 1) -> None:
            bar.update(task, completed=min(bar.tasks[0].completed + count, total))

        yield step


@contextmanager
def _lines(label: str, total: int, unit: str) -> Generator[Step]:
    done, start = 0, time.monotonic()

    def step(count: int = 1) -> None:
        nonlocal done
        before, done = done, min(done + count, total)
        if done * 10 // total > before * 10 // total:
            left = (time.monotonic() - start) / done * (total - done)
            time_left = f", about {_duration(left)} left" if left >= SHORTEST_SHOWN else ""
            log_message(f"{label}: {done:,}/{total:,} {_plural(unit, total)}{time_left}")

    yield step


def _plural(unit: str, count: int) -> str:
    return unit if count == 1 or unit.endswith("B") else f"{unit}s"


def _duration(seconds: float) -> str:
    """Return a time to wait, in one unit.

    >>> _duration(59), _duration(90), _duration(4 * 3600)
    ('59 s', '2 min', '4.0 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
