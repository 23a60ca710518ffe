"""Being asked to end.

Choices:
- The first Ctrl-C, SIGTERM or SIGUSR1 (batch systems send one some time before they kill) lets
  the step finish, so that a checkpoint can be saved. A second Ctrl-C ends at once.
- A signal only sets a flag: Python runs handlers between any two instructions, in the middle of a
  save too.
"""

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

from lmkit.execution.progress import say

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@contextmanager
def asked_to_stop() -> Generator[Callable[[], bool]]:
    """Hand out a function that tells whether someone has asked for an end."""
    asked = threading.Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        if asked.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.set()
        say(f"{signal.Signals(number).name}: stopping after this step, with a checkpoint")

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {number: signal.signal(number, ask) for number in SIGNALS}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
