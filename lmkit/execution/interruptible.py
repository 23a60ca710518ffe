"""Ctrl-C while a library is at work.

Choices:
- Python handles a signal between two of its own instructions, and a library that computes for
  minutes has none of them. The work is done in a thread, and the main one only waits: it hears of
  the signal at once.
- The thread is left behind: Python doesn't wait for it at its end.
"""

import threading
from collections.abc import Callable
from typing import TypeVar

ResultT = TypeVar("ResultT")


def interruptible(work: Callable[[], ResultT]) -> ResultT:
    """Do the work in a thread; what it returns or raises is returned or raised here.

    >>> interruptible(lambda: 1 + 1)
    2
    """
    results: list[ResultT] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="interruptible", daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
