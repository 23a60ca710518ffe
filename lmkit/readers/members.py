"""The members of a gzip file, and the streams of a bzip2 file, that begin in a part of it.

Choices:
- Used for archives that compress records one by one, so that tasks can share a big archive and
  damage costs one record. A start is what has the format's first bytes and decompresses to what
  a record begins with: compressed data can hold those first bytes by chance.
- The file is read by a handle of its own, because after damage reading goes back to behind the
  start of the damaged member.
"""

import bz2
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from lmkit.artifacts.streams import Damaged

STEP = 1 << 16
MOST_AT_ONCE = 1 << 20
GZIP = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]", re.DOTALL)
BZIP2 = re.compile(rb"BZh[1-9]1AY&SY")


def members(
    path: Path,
    start: int,
    stop: int,
    begins: bytes | re.Pattern[bytes],
    *,
    magic: re.Pattern[bytes] = GZIP,
) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Yield the offset of each member that begins in a range, and its decompressed pieces.

    The pieces must be read before the next member is asked for. They end with `Damaged` where
    a member is damaged or cut off. The file's first bytes are taken for a member in any case.
    """
    with path.open("rb") as file:
        place = start if start == 0 else _next_start(file, start, stop, begins, magic)
        while place is not None and place < stop:
            member = _Member(file, place, magic)
            yield place, member.pieces()
            end = member.end
            if end is None:
                end = _next_start(file, place + 1, stop, begins, magic)
            place = end if end is None or end != member.size else None


class _Member:
    """A member of a file; `end` is where the next one begins, once all pieces were read."""

    def __init__(self, file: BinaryIO, place: int, magic: re.Pattern[bytes]) -> None:
        self._file = file
        self._place = place
        self._gzip = magic is GZIP
        self.size = file.seek(0, 2)
        self.end: int | None = None

    def pieces(self) -> Iterator[bytes]:
        """Yield what the member holds."""
        worker = zlib.decompressobj(wbits=31) if self._gzip else bz2.BZ2Decompressor()
        position = self._file.seek(self._place)
        try:
            while not worker.eof:
                data = self._file.read(STEP)
                if not data:
                    reason = "truncated: it ends inside a compressed block"
                    raise Damaged(self._place, reason if self._place < position else "empty")
                position += len(data)
                yield from _bites(worker, data)
        except (zlib.error, OSError) as error:
            what = "not what its name says" if self._place == 0 == self.end else "damaged"
            raise Damaged(self._place, f"{what}: {error}") from None
        end = position - len(worker.unused_data)
        # Padding is not a member. A start that follows is looked for from here on.
        self._file.seek(end)
        rest = self._file.read(STEP)
        self.end = end + len(rest) - len(rest.lstrip(b"\0"))


def _bites(worker: object, data: bytes) -> Iterator[bytes]:
    """Decompress in pieces that are never large, however hostile the data is."""
    if isinstance(worker, bz2.BZ2Decompressor):
        while True:
            if piece := worker.decompress(data, MOST_AT_ONCE):
                yield piece
            data = b""
            if worker.eof or worker.needs_input:
                return
    inflate = worker
    while True:
        piece = inflate.decompress(data, MOST_AT_ONCE)  # type: ignore[attr-defined]
        if piece:
            yield piece
        data = inflate.unconsumed_tail  # type: ignore[attr-defined]
        if not data or inflate.eof:  # type: ignore[attr-defined]
            return


def _next_start(
    file: BinaryIO,
    place: int,
    stop: int,
    begins: bytes | re.Pattern[bytes],
    magic: re.Pattern[bytes],
) -> int | None:
    """Return where the first member from a place on begins, None if none does before `stop`."""
    pattern = re.compile(re.escape(begins)) if isinstance(begins, bytes) else begins
    while place < stop:
        file.seek(place)
        window = file.read(STEP * 16)
        for found in magic.finditer(window):
            start = place + found.start()
            if start >= stop:
                return None
            member = _Member(file, start, magic)
            try:
                if pattern.match(next(member.pieces(), b"")):
                    return start
            except Damaged:
                continue
        if len(window) < STEP * 16:
            return None
        place += len(window) - 16
    return None
