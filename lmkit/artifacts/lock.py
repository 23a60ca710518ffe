"""A lock that lets one run at a time write to a folder.

Choices:
- An advisory lock on the file `.lock`: the system releases it when the process ends, however it
  ends, so nothing has to be cleaned up after a crash.
- A file and not the folder itself: network file systems lock only files open for writing.
- The file is removed while the lock is held. A process that waited for the lock checks that the
  file that it locked is still the one in the folder.
- Where the file system has no such locks (Lustre without `-o flock`), the folder has a lease.
"""

import errno
import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lmkit.artifacts.lease import DiskLease, held_lease
from lmkit.errors import OutputError

LOCK = ".lock"
WITHOUT_LOCKS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP})
"""Errors of file systems that have no locks."""


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
        except OSError as error:
            os.close(descriptor)
            if error.errno not in WITHOUT_LOCKS:
                raise
            path.unlink(missing_ok=True)
            lease = held_lease(DiskLease(folder), str(folder), option)
            break
        if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
            lease = None
            break
        os.close(descriptor)  # its holder removed it after it was opened here
    if lease is not None:
        with lease:
            yield
        return
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)
