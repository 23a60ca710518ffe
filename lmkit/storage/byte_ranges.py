"""Bytes from disk: ranges that are hashed as they are read, and the exception for corrupt input.

Choice: a task reads a `Range` of a file once and gets its SHA-256 at the same time; nothing is
hashed twice, even when a reader seeks back and forth.
"""

import hashlib
import os
from pathlib import Path
from typing import Literal, Self

from lmkit.execution.meter import count_bytes
from lmkit.storage.remote_files import State, open_file, version_read

CompressionFormat = Literal["gzip", "zstd", "bzip2", "xz"]
Compression = Literal["none"] | CompressionFormat
COMPRESSIONS: dict[str, Compression] = {
    ".gz": "gzip",
    ".zst": "zstd",
    ".bz2": "bzip2",
    ".xz": "xz",
}
READ_BYTES = 1 << 20


class CorruptInput(Exception):  # noqa: N818 (it is a result more than an error)
    """A file is not in the format that its name indicates, or is truncated or damaged."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(offset, reason)
        self.offset = offset
        self.reason = reason


class Range:
    """The bytes from `start` to `stop` of a file, hashed as they are read.

    A reader may read past `stop`, for a record that ends there, and seek back; bytes outside of the
    range are not hashed, and nothing is hashed twice. Libraries accept it as a file object.

    If it is `counted`, what is read adds to the progress that is shown, and at the end all of it.
    """

    closed = False

    def __init__(self, path: str | Path, start: int, stop: int, *, counted: bool = False) -> None:
        self.start = start
        self.stop = stop
        self.position = start
        self._hashed = start
        self._uncounted = stop - start if counted else 0
        self._digest = hashlib.sha256()
        self._file = open_file(path)
        self._end = self._file.seek(0, os.SEEK_END)
        self._file.seek(start)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        count_bytes(self._uncounted)

    @property
    def version(self) -> State | None:
        """The state of the file, if all of it is read of one version; else None."""
        return version_read(self._file)

    def before(self) -> bytes:
        """Return the byte before the range, if there is one."""
        if self.start == 0:
            return b""
        self.seek(self.start - 1)
        return self.read(1)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most `size`; empty at the end of the file."""
        # Libraries request the size that a file declares, and damaged files may declare any size.
        left = max(0, self._end - self.position)
        data = self._file.read(left if size < 0 else min(size, left))
        if self._uncounted:
            count = min(len(data), self._uncounted)  # a reader may read some of it twice
            self._uncounted -= count
            count_bytes(count)
        already_hashed = self._hashed - self.position
        if 0 <= already_hashed < len(data) and self._hashed < self.stop:
            new = data[already_hashed : self.stop - self.position]
            self._digest.update(new)
            self._hashed += len(new)
        self.position += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Continue reading at another offset."""
        self.position = self._file.seek(offset, whence)
        return self.position

    def tell(self) -> int:
        """Return the offset of the next byte."""
        return self.position

    def readable(self) -> bool:
        """Return that it can be read, as file objects do."""
        return True

    def seekable(self) -> bool:
        """Return that it is seekable, as file objects do."""
        return True

    def flush(self) -> None:
        """Do nothing, as read-only file objects do."""

    def close(self) -> None:
        """Leave it open: the code that opened it closes it."""

    def writable(self) -> bool:
        """Return that it can't be written."""
        return False

    def sha256(self) -> str:
        """Return the SHA-256 of the range, reading the rest of it."""
        self.seek(self._hashed)
        while self._hashed < self.stop and self.read(min(READ_BYTES, self.stop - self._hashed)):
            pass
        return self._digest.hexdigest()


def hash_range(path: str | Path, start: int, stop: int) -> str:
    """Return the SHA-256 of a part of a file."""
    with Range(path, start, stop) as source:
        return source.sha256()
