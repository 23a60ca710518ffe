"""A lock that lets one run at a time write to a folder.

Choices:
- An advisory lock on the file `.lock`: the system releases it when the process ends, however it
  ends, so nothing has to be cleaned up after a crash.
- A file and not the folder itself: network file systems lock only files open for writing.
- The file is removed while the lock is held. A process that waited for the lock checks that the
  file that it locked is still the one in the folder.
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
    """Lock an existing folder, or raise OutputError if another run holds it; `option` named it."""
    path = folder / LOCK
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise OutputError(
                f"{option}: {folder}: another run is writing this folder",
                f"wait until it ends, or choose another {option}",
            ) from None
        if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
            break
        os.close(descriptor)  # its holder removed it after it was opened here
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)
