"""A worker process that can't start any more: it ends without a word.

Choices:
- A worker reads from its parent which queues and locks they share, and opens them. If its parent
  has ended by then, or another worker has died and the pool is being taken down, they are gone:
  multiprocessing then prints a traceback of its own, in the middle of what the parent says in one
  line. So these errors aren't printed.
- Only errors of multiprocessing's own code count, and only those of reading and opening: what a
  script raises that a worker imports again is shown as ever.
- The server that workers are forked from imports this module, and they inherit the hook. Workers
  that are spawned, where there is no server, don't have it.
"""

import sys
from pickle import UnpicklingError
from traceback import walk_tb
from types import TracebackType

UNAVAILABLE = (EOFError, OSError, UnpicklingError)
"""Nothing was sent, a name is deleted, or what was sent ends in its middle."""


def is_about_parent(error: BaseException, traceback: TracebackType | None) -> bool:
    """Return whether multiprocessing couldn't start a worker, since what it needs is gone."""
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in walk_tb(traceback)]
    inside = bool(modules) and all(name.startswith("multiprocessing.") for name in modules)
    return inside and isinstance(error, UNAVAILABLE)


def show_error(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Print an error as Python does, unless the parent reports it."""
    if not is_about_parent(error, traceback):
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = show_error
