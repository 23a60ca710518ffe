"""Signals and time limits that end a run.

Choices:
- The first Ctrl-C, SIGTERM or SIGUSR1 (batch systems send one some time before they kill) lets
  the step finish, so that a checkpoint can be saved. A second Ctrl-C ends at once.
- A time limit is given in advance, and ends the run in the same way.
- A signal only sets a flag: Python runs handlers between any two instructions, even in the middle
  of a save.
"""

import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

from lmkit.execution.interrupt_signals import record
from lmkit.execution.progress import log_message

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@contextmanager
def stop_signals(hours: float | None = None) -> Generator[Callable[[], bool]]:
    """Yield a function that returns whether a signal has come or the time is up."""
    requested = threading.Event()
    deadline = None if hours is None else time.monotonic() + 3600 * hours

    def is_over() -> bool:
        if deadline is not None and time.monotonic() > deadline and not requested.is_set():
            requested.set()
            log_message(f"--time-limit: {hours:g} hours are over: stopping, with a checkpoint")
        return requested.is_set()

    def handle(number: int, _frame: FrameType | None) -> None:
        if requested.is_set() and number == signal.SIGINT:
            record()
            raise KeyboardInterrupt
        requested.set()
        log_message(f"{signal.Signals(number).name}: stopping after this step, with a checkpoint")

    if threading.current_thread() is not threading.main_thread():
        yield is_over
        return
    old_handlers = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield is_over
    finally:
        for number, handler in old_handlers.items():
            signal.signal(number, handler)
