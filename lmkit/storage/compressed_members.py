"""Compressed files as what they are made of: gzip members, zstd frames, bzip2 blocks, xz streams.

Choices:
- Each has a place, as stored in the file; a record in it is known by that place and its number
  there. So the place of a record depends on the file alone.
- A truncated or damaged one is an error at its place, after all that came before it has been handed
  out. Python's gzip reader and zstandard's stream_reader do not promise that: the latter ends
  without an error on a truncated file, and after the first of many frames.
- Reading can begin at any of them (but not inside xz): a task finds the first that begins in its
  range, and behind damage reading goes on with the next. What has the format's first bytes and
  decompresses to what is looked for is one: compressed data can hold those bytes by chance.
- Compressed bytes go in small bites, so that no bite can become more than some 70 MB however
  hostile the file is (zstd can blow up 4 bytes to 128 KB). A zstd window may take 2 GB more: the
  largest archives of forums are made so.
"""

import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Protocol

import zstandard

from lmkit.storage.byte_ranges import CorruptInput, Packing, Range
from lmkit.storage.bzip2 import bzip2_blocks, next_block

BITE_BYTES = 2 << 10
WINDOW = 1 << 20
TEXT = re.compile(rb"[^\x00-\x08]{0,1000}\Z|[^\x00-\x08]{1000}", re.DOTALL)
"""What text begins with: no control characters."""
MAGICS = {
    "gzip": re.compile(rb"\x1f\x8b\x08[\x00-\x1f]", re.DOTALL),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd", re.DOTALL),
}


def members(
    source: Range, packing: Packing, begins: re.Pattern[bytes] = TEXT
) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Yield the place of each member that begins in a range, and its decompressed pieces.

    The pieces must be read before the next member is asked for. They end with `CorruptInput` where
    a member is damaged or cut off; the next one follows.
    """
    place = first_member(source, packing, begins)
    while place is not None:
        stream = _Stream(unpacked(source, packing, place))
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
        place = next_member(source, packing, damage.offset + 1, source.stop, begins)


class _Stream:
    """A stream of members that keeps the damage that ended it for the member that has it."""

    def __init__(self, stream: Iterator[tuple[int, bytes]]) -> None:
        self._stream = stream
        self.damage: CorruptInput | None = None

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        try:
            yield from self._stream
        except CorruptInput as damage:
            self.damage = damage

    def pieces(self, place: int, group: Iterator[tuple[int, bytes]]) -> Iterator[bytes]:
        """Yield what a member holds, as far as it can be read. Raises `CorruptInput`."""
        for _, data in group:
            yield data
        if self.damage is not None and self.damage.offset == place:
            raise self.damage


def first_member(source: Range, packing: Packing, begins: re.Pattern[bytes] = TEXT) -> int | None:
    """Return the place of the first member of a range, None if none begins there.

    The first bytes of a file are taken for one in any case.
    """
    if source.start == 0:
        return 0
    return next_member(source, packing, source.start, source.stop, begins)


def next_member(
    source: Range, packing: Packing, place: int, stop: int, begins: re.Pattern[bytes] = TEXT
) -> int | None:
    """Return the place of the first member that begins from a place on and before another."""
    if packing == "bzip2":
        return next_block(source, place, stop)
    if packing == "xz":
        return None
    while place < stop:
        source.seek(place)
        window = source.read(WINDOW)
        for found in MAGICS[packing].finditer(window):
            start = place + found.start()
            if start >= stop:
                return None
            if _begins(source, packing, start, begins):
                return start
        if len(window) < WINDOW:
            return None
        place += len(window) - 3
    return None


def _begins(source: Range, packing: Packing, place: int, begins: re.Pattern[bytes]) -> bool:
    """Tell whether a member begins at a place with what is looked for."""
    try:
        for _, data in unpacked(source, packing, place):
            return bool(begins.match(data))
    except CorruptInput:
        pass
    return False


def unpacked(source: Range, packing: Packing, place: int) -> Iterator[tuple[int, bytes]]:
    """Yield decompressed pieces, each with the place of its member, from a member on.

    Raises `CorruptInput` where the data is not what it should be.
    """
    if packing == "bzip2":
        return bzip2_blocks(source, place)
    source.seek(place)
    return _decompressed(source, _MEMBERS[packing])


class _Member(Protocol):
    @property
    def unused_data(self) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _gzip_member() -> _Member:
    return zlib.decompressobj(wbits=31)


def _zstd_frame() -> _Member:
    # 2 GB windows, as `zstd --ultra --long=31` makes them.
    return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()


def _xz_stream() -> _Member:
    return lzma.LZMADecompressor(memlimit=1 << 30)


_MEMBERS: dict[Packing, Callable[[], _Member]] = {
    "gzip": lambda: _gzip_member(),  # by name: tests put another in its place
    "zstd": lambda: _zstd_frame(),
    "xz": _xz_stream,
}


def _decompressed(source: Range, new: Callable[[], _Member]) -> Iterator[tuple[int, bytes]]:
    begin = source.position
    member, offset = new(), begin
    fresh = True
    while bite := source.read(BITE_BYTES):
        while bite:
            if member.eof:
                offset, fresh = source.position - len(bite), True
                bite = bite.lstrip(b"\0")  # gzip files may be padded with zeros
                if not bite:
                    break
                offset = source.position - len(bite)
                member = new()
            try:
                data = member.decompress(bite)
            except (zlib.error, zstandard.ZstdError, lzma.LZMAError, OSError) as error:
                if "not enough memory" in str(error):  # it says nothing about the file
                    raise MemoryError from None
                what = "not what its name says" if fresh and offset == 0 else "damaged"
                raise CorruptInput(offset, f"{what}: {error}") from None
            fresh = fresh and not data
            if data:
                yield offset, data
            bite = member.unused_data
    if not member.eof:
        reason = "empty" if source.position == begin else "truncated"
        raise CorruptInput(offset, f"{reason}: it ends inside a compressed block")
