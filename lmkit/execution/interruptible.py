"""Ctrl-C while a library is at work.

Choices:
- Python handles a signal between two of its own instructions, and a library that computes for
  minutes has none of them. The work is done in a thread, and the main one only waits: it hears of
  the signal at once.
- Work that reads texts is told to stop where it asks for the next one, and given a moment to do so:
  a library's thread that wants Python back while Python ends takes the process down with it. Work
  that asks for nothing more is left behind.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from lmkit.errors import Interrupted

ResultT = TypeVar("ResultT")
ItemT = TypeVar("ItemT")
MOMENT = 3.0
"""Seconds to wait for work that was told to stop."""


def interruptible(work: Callable[["Until"], ResultT]) -> ResultT:
    """Do the work in a thread; what it returns or raises is returned or raised here.

    >>> interruptible(lambda until: sum(until([1, 2])))
    3
    """
    results: list[ResultT] = []
    errors: list[BaseException] = []
    until = Until()

    def run() -> None:
        try:
            results.append(work(until))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="interruptible", daemon=True)
    try:
        thread.start()  # it waits, too
        thread.join()
    except BaseException:
        until.stopped.set()
        thread.join(MOMENT)
        raise
    if errors:
        raise errors[0]
    return results[0]


class Until:
    """Hands on items until the work is told to stop."""

    def __init__(self) -> None:
        self.stopped = threading.Event()

    def __call__(self, items: Iterable[ItemT]) -> Iterator[ItemT]:
        """Yield the items; raise Interrupted once the work is to stop."""
        for item in items:
            if self.stopped.is_set():
                raise Interrupted("told to stop")
            yield item
