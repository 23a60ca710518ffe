"""Ctrl-C while a library is computing.

Choices:
- Python handles a signal between two of its own bytecode instructions, and a library that computes
  for minutes executes none. The work is done in a thread, and the main thread only waits: it
  receives the signal at once.
- Work that reads items is stopped where it requests the next one, and is given a few seconds for
  it: a library's thread that needs the interpreter while Python is ending crashes the process. Work
  that requests nothing more is abandoned.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from lmkit.errors import Interrupted

ResultT = TypeVar("ResultT")
ItemT = TypeVar("ItemT")
GRACE_SECONDS = 3.0
"""Seconds to wait for work that was requested to stop."""


def interruptible(work: Callable[["Stoppable"], ResultT]) -> ResultT:
    """Run the work in a thread; what it returns or raises is returned or raised here.

    >>> interruptible(lambda stoppable: sum(stoppable([1, 2])))
    3
    """
    results: list[ResultT] = []
    errors: list[BaseException] = []
    stoppable = Stoppable()

    def run() -> None:
        try:
            results.append(work(stoppable))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="interruptible", daemon=True)
    try:
        thread.start()  # this waits, too
        thread.join()
    except BaseException:
        stoppable.stopped.set()
        thread.join(GRACE_SECONDS)
        raise
    if errors:
        raise errors[0]
    return results[0]


class Stoppable:
    """Passes items on until the work is requested to stop."""

    def __init__(self) -> None:
        self.stopped = threading.Event()

    def __call__(self, items: Iterable[ItemT]) -> Iterator[ItemT]:
        """Yield the items; raise Interrupted once a stop is requested."""
        for item in items:
            if self.stopped.is_set():
                raise Interrupted("stop requested")
            yield item
