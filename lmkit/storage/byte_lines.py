"""Lines of plain and compressed files, divided between the tasks that each read a part of a file.

Choices:
- In a plain file a line belongs to the range in which it begins. In a compressed file it is unknown
  whether a line begins where a member does, unless the previous member is read. So a line that
  begins exactly there belongs to the previous range, which reads on for it, and each range but the
  first skips what precedes its first line feed.
- The offset of a line in a compressed file is that of its member; the number of line feeds before
  it in the member completes the location.
- Lines over the limit are streamed past and never held in memory.
- The part of an unfinished line before corrupt data counts as corrupt too; reading then continues
  with the next member.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lmkit.storage.byte_ranges import READ_BYTES, Compression, CorruptInput, Range
from lmkit.storage.compressed_members import decompressed_from, first_member, next_member


@dataclass(frozen=True)
class Line:
    """A line, and its location.

    `offset` is that of the line in a plain file, else that of its member; `record` counts the line
    feeds before it in the member. `data` is None if the line was longer than the limit.
    """

    offset: int
    record: int
    data: bytes | None


def blocks(
    source: Range, compression: Compression, step: int = READ_BYTES, *, offset: int | None = None
) -> Iterator[tuple[int, bytes]]:
    """Yield decompressed blocks starting at an offset, each with the offset that it belongs to.

    The offset is that of a member, or any offset in a plain file; by default it is the start of the
    range. Raises `CorruptInput` where the data is invalid.
    """
    offset = source.start if offset is None else offset
    if compression != "none":
        yield from decompressed_from(source, compression, offset)
        return
    source.seek(offset)
    while data := source.read(step):
        yield source.position - len(data), data


def lines(source: Range, compression: Compression, limit: int) -> Iterator[Line]:
    """Yield the lines of a range, without their line ends.

    Raises `CorruptInput` after the last complete one.
    """
    for line in lines_around_damage(source, compression, limit):
        if isinstance(line, CorruptInput):
            raise line
        yield line


def lines_around_damage(
    source: Range, compression: Compression, limit: int
) -> Iterator[Line | CorruptInput]:
    """Yield the lines of a range, and the corrupt parts between them."""
    if compression == "none":
        yield from _plain_lines(source, limit)
        return
    compressed_lines = _CompressedLines(source, limit)
    offset = first_member(source, compression)
    while offset is not None:
        try:
            yield from compressed_lines.lines(decompressed_from(source, compression, offset))
            return
        except CorruptInput as damage:
            if damage.offset >= source.stop > source.start:
                return  # the task that reads the next range reports it
            yield damage
            offset = next_member(source, compression, damage.offset + 1, _END)
            compressed_lines.restart()


_END = 1 << 62


def _plain_lines(source: Range, limit: int) -> Iterator[Line]:
    skipping = source.before() not in {b"", b"\n"}  # that line belongs to the range before
    line = _PartialLine(limit)
    begun = False
    offset = source.start
    while data := source.read(READ_BYTES):
        block_offset, cursor = source.position - len(data), 0
        while cursor < len(data):
            if not begun and not skipping:
                offset, begun = block_offset + cursor, True
                if offset >= source.stop:
                    return
            end = data.find(b"\n", cursor)
            stop = len(data) if end < 0 else end
            if not skipping:
                line.add(data, cursor, stop)
            cursor = stop + 1
            if end >= 0:
                if begun:
                    yield Line(offset, 0, line.taken())
                begun = skipping = False
        if source.position >= source.stop and (skipping or line.too_long):
            break  # this line is not needed, so neither is its end
    if begun:
        yield Line(offset, 0, line.taken())


class _PartialLine:
    """A line of which a part has been read."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    @property
    def too_long(self) -> bool:
        return self._size > self._limit

    def add(self, data: bytes, start: int, stop: int) -> None:
        self._size += stop - start
        if self.too_long:
            self._parts.clear()
        else:
            self._parts.append(data[start:stop])

    def taken(self) -> bytes | None:
        """Return the line, None if it was too long, and start another."""
        data = None if self.too_long else b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        return data


class _CompressedLines:
    """The lines of a stream of members."""

    def __init__(self, source: Range, limit: int) -> None:
        self._source = source
        self._line = _PartialLine(limit)
        self._skipping = source.start > 0

    def restart(self) -> None:
        """Discard the unfinished line: the next byte begins a line."""
        self._line.taken()
        self._skipping = False

    def lines(self, pieces: Iterator[tuple[int, bytes]]) -> Iterator[Line]:
        """Yield the lines that belong to the range."""
        member, feeds, past = -1, 0, 0
        offset, record, begun = 0, 0, False
        for member_offset, data in pieces:
            cursor = 0
            if member_offset != member:
                member, feeds = member_offset, 0
                past += member_offset >= self._source.stop
                at_start = True
            else:
                at_start = False
            while cursor < len(data):
                if not begun and not self._skipping:
                    if past and not (past == 1 and at_start and cursor == 0):
                        return
                    offset, record, begun = member, feeds, True
                end = data.find(b"\n", cursor)
                stop = len(data) if end < 0 else end
                if not self._skipping:
                    self._line.add(data, cursor, stop)
                cursor = stop + 1
                if end >= 0:
                    feeds += 1
                    if begun:
                        yield Line(offset, record, self._line.taken())
                    begun = self._skipping = False
        if begun:
            yield Line(offset, record, self._line.taken())
