"""Files that appear under their name completely or not at all.

Choices:
- A file is written under a temporary name, flushed to the disk, and renamed. Without the two
  fsyncs, a power failure could leave the new name on an empty file.
- The temporary name has a number that each process draws: processes on two machines may have the
  same id, and write the same file where one of them seemed lost.
"""

import errno
import hashlib
import itertools
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_serial = itertools.count()


@contextmanager
def atomic_write(path: Path, scratch: Path) -> Generator[Path]:
    """Yield a path in `scratch`; once it is written, move it to `path` in one step."""
    # Files of the same name can be written at once: to different folders, by several processes.
    temporary = scratch / f"{path.name}.{_owner(os.getpid())}-{next(_serial)}"
    # Whatever lies there, possibly as a link to another file, isn't written through.
    temporary.unlink(missing_ok=True)
    try:
        yield temporary
        fsync(temporary)
        temporary.replace(path)
        fsync(path.parent)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT} and error.filename is None:
            error.filename = str(path)  # a write has no name
        raise
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(scratch: Path) -> None:
    """Delete the partly written files of processes that have ended."""
    for path in scratch.iterdir():
        owner, _, serial = path.suffix[1:].partition("-")
        if owner.isdigit() and serial.isdigit() and int(owner) != _owner(os.getpid()):
            path.unlink(missing_ok=True)


@cache
def _owner(process: int) -> int:
    """Return the number of a process; a forked one has another than its parent."""
    del process
    return secrets.randbits(63)


def fsync(path: Path) -> None:
    """Wait until a file, or the entries of a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
