"""Files whose names a network file system shows late.

Choice: a client of NFS remembers for up to a minute that there was no file of a name (`acdirmax`
and `lookupcache` of nfs(5)). What another machine has reported as written is waited for, for a
limited time in all, before it counts as lost. To open the folder makes the client look again.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

LATE_BY = 90.0
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds."""


class Patience:
    """Waits for files that were written, for so many seconds in all."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._left = seconds

    def finds(self, path: Path, size: int) -> bool:
        """Return whether there is a file of this size, now or a little later."""
        pause = FIRST_PAUSE
        while (found := size_of(path)) != size:
            if self._left <= 0:
                return False
            waits = min(pause, self._left)
            time.sleep(waits)
            self._left -= waits
            pause = min(2 * pause, LONGEST_PAUSE)
            if found is None:
                _open_folder(path.parent)
        return True


def size_of(path: Path) -> int | None:
    """Return the size of a file, None if there is none."""
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return None


def _open_folder(path: Path) -> None:
    with suppress(OSError):
        os.close(os.open(path, os.O_RDONLY))
