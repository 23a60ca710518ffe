"""Bytes from disk: ranges that are hashed as they are read, decompressed blocks, and lines.

Choices:
- A task reads a `Range` of a file once and gets its SHA-256 on the way; nothing is hashed twice.
- What is decompressed carries the offset of the block (gzip member, zstd frame, bzip2 or xz
  stream) that it came from, as stored in the file. So the place of a record depends on the file
  alone.
- A truncated or damaged block is an error at the place where it is found, after all that came
  before it has been handed out. Python's gzip reader and zstandard's stream_reader do not promise
  that: the latter ends without an error on a truncated file, and after the first of many frames.
- Compressed bytes go in small bites, so that no bite can become more than some 70 MB however
  hostile the file is (zstd can blow up 4 bytes to 128 KB). A zstd window may take 2 GB more: the
  largest archives of forums are made so.
- Lines over a limit are streamed past and never held.
"""

import bz2
import hashlib
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, Self

import zstandard

Compression = Literal["none", "gzip", "zstd", "bzip2", "xz"]
COMPRESSIONS: dict[str, Compression] = {
    ".gz": "gzip",
    ".zst": "zstd",
    ".bz2": "bzip2",
    ".xz": "xz",
}
READ_BYTES = 1 << 20
BITE_BYTES = 2 << 10


class Damaged(Exception):  # noqa: N818 (it is an answer more than an error)
    """A file is not what its name says, or breaks off."""

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(place, reason)
        self.place = place
        self.reason = reason


class Range:
    """The bytes from `start` to `stop` of a file, hashed as they are read.

    Reading goes on past `stop`, for a record that ends there; those bytes are not hashed.
    """

    def __init__(self, path: Path, start: int, stop: int) -> None:
        self.start = start
        self.stop = stop
        self.position = start
        self._digest = hashlib.sha256()
        self._file = path.open("rb")
        self._file.seek(start)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def before(self) -> bytes:
        """Return the byte before the range, if there is one."""
        if self.start == 0:
            return b""
        self._file.seek(self.start - 1)
        return self._file.read(1)

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; nothing at the end of the file."""
        data = self._file.read(size)
        if self.position < self.stop:
            self._digest.update(data[: self.stop - self.position])
        self.position += len(data)
        return data

    def sha256(self) -> str:
        """Return the SHA-256 of the range, reading what is left of it."""
        while self.position < self.stop and self.read(min(READ_BYTES, self.stop - self.position)):
            pass
        return self._digest.hexdigest()


def hash_range(path: Path, start: int, stop: int) -> str:
    """Return the SHA-256 of a part of a file."""
    with Range(path, start, stop) as source:
        return source.sha256()


def blocks(
    source: Range, compression: Compression, step: int = READ_BYTES
) -> Iterator[tuple[int, bytes]]:
    """Yield decompressed pieces, each with the offset of the block that it belongs to.

    Raises `Damaged` where the data is not what it should be.
    """
    if compression == "none":
        while data := source.read(step):
            yield source.position - len(data), data
    else:
        yield from _decompress(source, _BLOCKS[compression])


class _Block(Protocol):
    @property
    def unused_data(self) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _gzip_member() -> _Block:
    return zlib.decompressobj(wbits=31)


def _zstd_frame() -> _Block:
    # 2 GB windows, as `zstd --ultra --long=31` makes them.
    return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()


def _bzip2_stream() -> _Block:
    return bz2.BZ2Decompressor()


def _xz_stream() -> _Block:
    return lzma.LZMADecompressor(memlimit=1 << 30)


_BLOCKS: dict[Compression, Callable[[], _Block]] = {
    "gzip": lambda: _gzip_member(),  # by name: tests put another in its place
    "zstd": lambda: _zstd_frame(),
    "bzip2": _bzip2_stream,
    "xz": _xz_stream,
}


def _decompress(source: Range, new: Callable[[], _Block]) -> Iterator[tuple[int, bytes]]:
    block, offset = new(), source.start
    fresh = True
    while bite := source.read(BITE_BYTES):
        while bite:
            if block.eof:
                offset, fresh = source.position - len(bite), True
                bite = bite.lstrip(b"\0")  # gzip files may be padded with zeros
                if not bite:
                    break
                block = new()
            try:
                data = block.decompress(bite)
            except (zlib.error, zstandard.ZstdError, lzma.LZMAError, OSError) as error:
                if "memory" in str(error):  # it says nothing about the file
                    raise MemoryError from None
                what = "not what its name says" if fresh and offset == 0 else "damaged"
                raise Damaged(offset, f"{what}: {error}") from None
            fresh = fresh and not data
            if data:
                yield offset, data
            bite = block.unused_data
    if not block.eof:
        reason = "empty" if source.position == source.start else "truncated"
        raise Damaged(offset, f"{reason}: it ends inside a compressed block")


@dataclass(frozen=True)
class Line:
    """A line, and where it lies.

    `offset` is that of the line in a plain file, else that of its block; `record` counts the
    lines that begin in the block. `data` is None where the line was longer than the limit.
    """

    offset: int
    record: int
    data: bytes | None


def lines(source: Range, compression: Compression, limit: int) -> Iterator[Line]:
    """Yield the lines that begin in a range, without their ends.

    Raises `Damaged` like `blocks`, after the last whole line. What stood before it on an
    unfinished line is part of the damage.
    """
    parts: list[bytes] = []
    size, begun = 0, False
    offset, record, block, begun_in_block = source.start, 0, -1, 0
    skipping = source.before() not in {b"", b"\n"}  # that line belongs to the range before
    for place, data in blocks(source, compression):
        if place != block and compression != "none":
            block, begun_in_block = place, 0
        cursor = 0
        while cursor < len(data):
            if not begun and not skipping:
                if compression == "none":
                    offset, record = place + cursor, 0
                    if offset >= source.stop:
                        return
                else:
                    offset, record = block, begun_in_block
                    begun_in_block += 1
                begun = True
            end = data.find(b"\n", cursor)
            stop = len(data) if end < 0 else end
            if not skipping:
                size += stop - cursor
                if size <= limit:
                    parts.append(data[cursor:stop])
                else:
                    parts.clear()
            cursor = stop + 1
            if end >= 0:
                if begun:
                    yield Line(offset, record, b"".join(parts) if size <= limit else None)
                parts, size, begun, skipping = [], 0, False, False
        at_end = compression == "none" and source.position >= source.stop
        if at_end and (skipping or size > limit):
            break  # nothing of this line is wanted, so no need to look for its end
    if begun:
        yield Line(offset, record, b"".join(parts) if size <= limit else None)
