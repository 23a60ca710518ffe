"""The blocks of a bzip2 file, read independently.

The format: a stream is "BZh" and a digit, blocks, and a footer; each block begins with a 48-bit
magic number (the digits of π) at any bit, and holds the CRC of its decompressed data.

Choices:
- A block is turned into a stream of its own, by shifting its bits and adding a footer, and libbz2
  does the rest. So a file that is one stream of many gigabytes can be divided between tasks, and
  damage costs only the block in which it occurs.
- A block is returned complete, after its CRC has been checked; it holds at most 46 MB.
- The 48 bits can occur in compressed data by chance (once in about 35 TB). If a block doesn't
  decompress, it is tried again up to the magic number after the next one.
- The first block of a stream has the offset of its stream, any other that of its first bit.
"""

import bz2
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lmkit.storage.byte_ranges import CorruptInput, Range

BLOCK = 0x314159265359
END = 0x177245385090
HEADER = re.compile(rb"BZh[1-9]")
STEP = 1 << 20
MAX_BLOCK_BYTES = 2 << 20
"""Bytes of a block: 900 kB that can't be compressed, and the overhead of the format."""
MAX_MAGICS = 3


@dataclass(frozen=True)
class _Pattern:
    """The bytes of 48 bits at one of the eight bit offsets in a byte, and the bits around them."""

    shift: int
    first_bytes: bytes
    first: int
    last: int
    ends: bool

    def search(self, data: bytes, start: int, stop: int) -> int | None:
        """Return the first bit at which it occurs, between two bytes."""
        before = 1 if self.shift else 0
        at = data.find(self.first_bytes, start + before, stop + len(self.first_bytes))
        while at >= 0:
            if not self.shift:
                return at * 8
            left, right = data[at - 1], data[at + 5 : at + 6]
            fits = left & (0xFF >> self.shift) == self.first
            if fits and right and right[0] >> (8 - self.shift) == self.last:
                return (at - 1) * 8 + self.shift
            at = data.find(self.first_bytes, at + 1, stop + len(self.first_bytes))
        return None


def _pattern(magic: int, shift: int) -> _Pattern:
    if not shift:
        return _Pattern(0, magic.to_bytes(6), 0, 0, magic == END)
    first_bytes = (magic >> shift & (1 << 40) - 1).to_bytes(5)
    return _Pattern(
        shift, first_bytes, magic >> (40 + shift), magic & (1 << shift) - 1, magic == END
    )


PATTERNS = [_pattern(magic, shift) for magic in (BLOCK, END) for shift in range(8)]


def bzip2_blocks(source: Range, start: int) -> Iterator[tuple[int, bytes]]:
    """Yield the offset and the content of each block, beginning at an offset.

    Raises `CorruptInput` at the first block that is damaged, or where the file is truncated.
    """
    window = _Window(source, start)
    if start == 0 and not HEADER.match(window.data):
        reason = "not what its name says: Invalid data stream" if window.data else _REASONS["empty"]
        raise CorruptInput(0, reason)
    magic = window.next_magic(0)
    stream = start
    while True:
        if magic is None:
            raise CorruptInput(
                stream, _REASONS["truncated"] if window.ended else "damaged: no block follows"
            )
        bit, ends = magic
        if ends:
            after = window.rest(bit + 80)
            if len(window.data) * 8 < bit + 80:
                raise CorruptInput(stream, _REASONS["truncated"])
            if not after:
                return
            if not HEADER.match(after):
                raise CorruptInput(window.base + bit // 8, "damaged: Invalid data stream")
            stream = window.base + (bit + 80 + 7) // 8
            magic = window.next_magic(bit + 80)
            continue
        offset = window.offset_of(bit)
        data, magic = _decompress_block(window, bit, offset)
        yield offset, data
        magic = window.discard_before(magic)
        stream = offset


def next_block(source: Range, start: int, stop: int) -> int | None:
    """Return the offset of the first complete block after an offset, None if there is none."""
    window = _Window(source, max(0, start - 4))
    bit = 0
    while (magic := window.next_magic(bit)) or not window.ended:
        if magic is None:
            moved = window.discard_before((len(window.data) * 8, False))
            bit = moved[0] if moved else 0
            if window.base >= stop:
                return None
            continue
        bit, ends = magic
        offset = window.offset_of(bit)
        if offset >= stop:
            return None
        if not ends and offset >= start:
            try:
                _decompress_block(window, bit, offset)
            except CorruptInput:
                pass
            else:
                return offset
        moved = window.discard_before((bit, ends))
        assert moved is not None
        bit = moved[0] + 1
    return None


Magic = tuple[int, bool]
"""The bit of the window where a magic number begins, and whether it ends a stream."""
_REASONS = {
    "empty": "empty: it ends inside a compressed block",
    "truncated": "truncated: it ends inside a compressed block",
}


class _Window:
    """The bytes of a file around a block; `base` is the offset of the first."""

    def __init__(self, source: Range, start: int) -> None:
        self._source = source
        self.ended = False
        self.base = start
        source.seek(start)
        self.data = source.read(STEP)

    def _more(self) -> bool:
        found = self._source.read(STEP)
        self.data += found
        self.ended = not found
        return bool(found)

    def next_magic(self, bit: int) -> Magic | None:
        """Return the next magic number from a bit on, None if it is too far or the file `ended`."""
        start = bit // 8
        furthest = start + MAX_BLOCK_BYTES
        while True:
            best: Magic | None = None
            stop = len(self.data)
            for pattern in PATTERNS:
                found = pattern.search(self.data, start, stop)
                while found is not None and found < bit:
                    found = pattern.search(self.data, found // 8 + 1, stop)
                if found is not None and (best is None or found < best[0]):
                    best = found, pattern.ends
                    stop = found // 8 + 1
            if best is not None:
                return best
            start = max(start, len(self.data) - 8)
            if start > furthest or not self._more():
                return None

    def rest(self, bit: int) -> bytes:
        """Return the first bytes after a stream that ends at a bit, without zeros."""
        start = (bit + 7) // 8
        while len(self.data) < start + 4 and self._more():
            pass
        while not (found := self.data[start:].lstrip(b"\0")[:4]) and self._more():
            pass
        return found

    def offset_of(self, bit: int) -> int:
        """Return the offset of a block: that of its stream if it is the first one."""
        at, odd = divmod(bit, 8)
        first = not odd and at >= 4 and HEADER.match(self.data, at - 4)
        return self.base + at - (4 if first else 0)

    def discard_before(self, magic: Magic | None) -> Magic | None:
        """Discard what precedes a magic number, except a stream's header."""
        if magic is None:
            return None
        bytes_before = max(0, magic[0] // 8 - 4)
        self.data = self.data[bytes_before:]
        self.base += bytes_before
        return magic[0] - 8 * bytes_before, magic[1]


def _decompress_block(window: _Window, bit: int, offset: int) -> tuple[bytes, Magic | None]:
    """Return the content of a block, and the magic number after it. Raises `CorruptInput`."""
    magic = window.next_magic(bit + 48)
    for _ in range(MAX_MAGICS):
        if magic is None and window.ended:
            raise CorruptInput(offset, _REASONS["truncated"])
        if magic is None or magic[0] - bit > MAX_BLOCK_BYTES * 8:
            break
        try:
            return bz2.decompress(_as_stream(window.data, bit, magic[0])), magic
        except (OSError, ValueError):
            magic = window.next_magic(magic[0] + 1)
    raise CorruptInput(offset, "damaged: a block is not what its CRC says")


def _as_stream(data: bytes, start: int, stop: int) -> bytes:
    """Return the bits of a block as a stream."""
    first, last = start // 8, (stop + 7) // 8
    bits = int.from_bytes(data[first:last]) >> (last * 8 - stop)
    size = stop - start
    bits &= (1 << size) - 1
    crc = bits >> (size - 80) & 0xFFFFFFFF
    bits = (bits << 48 | END) << 32 | crc
    padding = -(size + 80) % 8
    return b"BZh9" + (bits << padding).to_bytes((size + 80 + padding) // 8)
