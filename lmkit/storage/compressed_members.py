"""Compressed files as sequences of members: gzip members, zstd frames, bzip2 blocks, xz streams.

Choices:
- A member is located by its offset in the compressed file; a record is located by the offset of its
  member and its index in it. So the location of a record depends on the file alone.
- A truncated or damaged member is an error at its offset, after everything before it has been
  yielded. Python's gzip reader and zstandard's stream_reader do not guarantee that: the latter ends
  without an error on a truncated file, and after the first of many frames.
- Reading can begin at any member (but not inside xz): a task finds the first that begins in its
  range, and after damage reading continues with the next. A member is what has the format's magic
  bytes and decompresses to the expected content: compressed data can hold the bytes by chance.
- A record that holds an archive, as a stored page may, has members inside of it. They are told from
  those of the file by reading some megabytes before a range: a block that isn't compressed has
  128 KB at most in both formats, so members inside of another soon end in damage.
- Compressed bytes are fed in small chunks, so that no chunk can become more than about 70 MB even
  if the file is hostile (zstd can expand 4 bytes to 128 KB). A zstd window may take 2 GB more: the
  largest forum archives use such windows.
"""

import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Protocol

import zstandard

from lmkit.storage.byte_ranges import CompressionFormat, CorruptInput, Range
from lmkit.storage.bzip2 import bzip2_blocks, next_block

CHUNK_BYTES = 2 << 10
WINDOW = 1 << 20
UNBROKEN = 256 << 10
RUN_UP = 1 << 20
MAX_RUN_UP = 64 << 20
TEXT = re.compile(rb"[^\x00-\x08]{0,1000}\Z|[^\x00-\x08]{1000}", re.DOTALL)
"""The start of text: no control characters."""
MAGICS = {
    "gzip": re.compile(rb"\x1f\x8b\x08[\x00-\x1f]", re.DOTALL),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd", re.DOTALL),
}


def members(
    source: Range, compression: CompressionFormat, begins: re.Pattern[bytes] = TEXT
) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Yield the offset of each member that begins in a range, and its decompressed pieces.

    The pieces must be read before the next member is requested. They end with `CorruptInput` where
    a member is damaged or truncated; the next member follows.
    """
    start = _first_outer_member(source, compression, begins)
    while start is not None:
        stream = _Stream(decompressed_from(source, compression, start))
        offset = None
        for offset, group in groupby(iter(stream), lambda pair: pair[0]):
            if offset >= source.stop:
                return
            yield offset, stream.pieces(offset, group)
        damage = stream.damage
        if damage is None or damage.offset >= source.stop > source.start:
            return
        if damage.offset != offset:
            yield damage.offset, stream.pieces(damage.offset, iter(()))
        start = next_member(source, compression, damage.offset + 1, source.stop, begins)


def _first_outer_member(
    source: Range, compression: CompressionFormat, begins: re.Pattern[bytes]
) -> int | None:
    """Return the first member of a range that isn't inside of another one."""
    if source.start == 0:
        return 0
    found = first_member(source, compression, begins)
    if found is None:
        return None
    before = RUN_UP
    while True:
        start = max(0, source.start - before)
        outer = _member_after(source, compression, start, begins)
        if outer is not None or start == 0 or before >= MAX_RUN_UP:
            break
        before *= 4
    if outer is None:
        return found
    return outer if outer < source.stop else None


def _member_after(
    source: Range, compression: CompressionFormat, start: int, begins: re.Pattern[bytes]
) -> int | None:
    """Follow members from an offset; return the first that begins in the range or after it.

    None if the members before it don't follow one another far enough to be those of the file.
    """
    known = start == 0
    member = 0 if known else next_member(source, compression, start, source.start, begins)
    while member is not None:
        first = offset = member
        try:
            for offset, _ in decompressed_from(source, compression, first):
                known = known or offset - first >= UNBROKEN
                if offset >= source.start:
                    return offset if known else None
            return source.stop if known else None  # the last member began before the range
        except CorruptInput as damage:
            offset = damage.offset
        member = next_member(source, compression, offset + 1, source.stop, begins)
        if member is not None and member >= source.start:
            return member if known else None
    return source.stop if known else None


class _Stream:
    """A stream of members that keeps the error that ended it for the damaged member."""

    def __init__(self, stream: Iterator[tuple[int, bytes]]) -> None:
        self._stream = stream
        self.damage: CorruptInput | None = None

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        try:
            yield from self._stream
        except CorruptInput as damage:
            self.damage = damage

    def pieces(self, offset: int, group: Iterator[tuple[int, bytes]]) -> Iterator[bytes]:
        """Yield the content of a member, as far as it can be read. Raises `CorruptInput`."""
        for _, data in group:
            yield data
        if self.damage is not None and self.damage.offset == offset:
            raise self.damage


def first_member(
    source: Range, compression: CompressionFormat, begins: re.Pattern[bytes] = TEXT
) -> int | None:
    """Return the offset of the first member of a range, None if none begins there.

    The first bytes of a file always count as one.
    """
    if source.start == 0:
        return 0
    return next_member(source, compression, source.start, source.stop, begins)


def next_member(
    source: Range,
    compression: CompressionFormat,
    offset: int,
    stop: int,
    begins: re.Pattern[bytes] = TEXT,
) -> int | None:
    """Return the offset of the first member that begins between two offsets."""
    if compression == "bzip2":
        return next_block(source, offset, stop)
    if compression == "xz":
        return None
    while offset < stop:
        source.seek(offset)
        window = source.read(WINDOW)
        for found in MAGICS[compression].finditer(window):
            start = offset + found.start()
            if start >= stop:
                return None
            if _begins(source, compression, start, begins):
                return start
        if len(window) < WINDOW:
            return None
        offset += len(window) - 3
    return None


def _begins(
    source: Range, compression: CompressionFormat, offset: int, begins: re.Pattern[bytes]
) -> bool:
    """Return whether a member with the expected content begins at an offset."""
    try:
        for _, data in decompressed_from(source, compression, offset):
            return bool(begins.match(data))
    except CorruptInput:
        pass
    return False


def decompressed_from(
    source: Range, compression: CompressionFormat, offset: int
) -> Iterator[tuple[int, bytes]]:
    """Yield decompressed pieces, each with the offset of its member, starting at a member.

    Raises `CorruptInput` where the data is invalid.
    """
    if compression == "bzip2":
        return bzip2_blocks(source, offset)
    source.seek(offset)
    return _decompressed(source, _MEMBERS[compression])


class _Member(Protocol):
    @property
    def unused_data(self) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _gzip_member() -> _Member:
    return zlib.decompressobj(wbits=31)


def _zstd_frame() -> _Member:
    # 2 GB windows, as `zstd --ultra --long=31` writes them.
    return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()


def _xz_stream() -> _Member:
    return lzma.LZMADecompressor(memlimit=1 << 30)


_MEMBERS: dict[CompressionFormat, Callable[[], _Member]] = {
    "gzip": lambda: _gzip_member(),  # by name: tests replace it
    "zstd": lambda: _zstd_frame(),
    "xz": _xz_stream,
}


def _decompressed(source: Range, new: Callable[[], _Member]) -> Iterator[tuple[int, bytes]]:
    begin = source.position
    member, offset = new(), begin
    no_output_yet = True
    while chunk := source.read(CHUNK_BYTES):
        while chunk:
            if member.eof:
                offset, no_output_yet = source.position - len(chunk), True
                chunk = chunk.lstrip(b"\0")  # gzip files may be padded with zeros
                if not chunk:
                    break
                offset = source.position - len(chunk)
                member = new()
            try:
                data = member.decompress(chunk)
            except (zlib.error, zstandard.ZstdError, lzma.LZMAError, OSError) as error:
                if "not enough memory" in str(error):  # not a property of the file
                    raise MemoryError from None
                what = "not what its name says" if no_output_yet and offset == 0 else "damaged"
                raise CorruptInput(offset, f"{what}: {error}") from None
            no_output_yet = no_output_yet and not data
            if data:
                yield offset, data
            chunk = member.unused_data
    if not member.eof:
        reason = "empty" if source.position == begin else "truncated"
        raise CorruptInput(offset, f"{reason}: it ends inside a compressed block")
