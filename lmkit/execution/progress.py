"""Progress and messages while a stage runs.

Choices:
- Everything here is written to standard error; standard output is for results.
- A progress bar on a terminal; elsewhere (a log file, a batch job) about ten plain lines in total.
- File names and their content may hold anything: control characters, which could rewrite a
  terminal, are shown as escapes.
"""

import re
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from lmkit.execution.ranks import rank

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


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
def progress(label: str, total: int) -> Generator[Callable[[], None]]:
    """Show the progress of `total` tasks; the yielded function advances it by one."""
    # Not rich's own check: with FORCE_COLOR, which CI sets, it always detects a terminal.
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        console = Console(stderr=True)
        with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
            task = bar.add_task(label, total=total)
            yield lambda: bar.advance(task)
    else:
        done = 0

        def step() -> None:
            nonlocal done
            done += 1
            if done * 10 // total > (done - 1) * 10 // total:
                log_message(f"{label}: {done}/{total} {'task' if total == 1 else 'tasks'}")

        yield step
