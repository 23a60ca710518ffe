"""One run at a time owns a folder.

Choices:
- An advisory lock on the file `.lock`: the system drops it when the process ends, however it
  ends, so nothing has to be cleaned up after a crash.
- A file and not the folder itself: network file systems lock only files open for writing.
- The file is removed while the lock is held. Whoever waited for it looks whether the file that it
  locked is still the one in the folder.
"""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lmkit.errors import OutputError

LOCK = ".lock"


@contextmanager
def folder_lock(folder: Path, option: str = "--output") -> Generator[None]:
    """Own a folder, which must exist, or say that another run does; `option` named it."""
    path = folder / LOCK
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise OutputError(
                f"{option}: {folder}: another run is writing this folder",
                f"wait for its end, or choose another {option}",
            ) from None
        if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
            break
        os.close(descriptor)  # its owner removed it between our opening and locking
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)
