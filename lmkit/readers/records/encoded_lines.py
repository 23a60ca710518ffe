"""Lines of files in any encoding, and their text.

Choices:
- A byte-order mark counts more than the option, as it does in browsers: at the start of a text in
  another encoding its bytes would be letters that nobody writes.
- Lines of UTF-16 and UTF-32 end where an aligned line feed stands: the byte 0x0A alone is half of
  many other characters. Each task finds the lines that begin in its range, as in other files; in
  a compressed file the first task reads all.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from lmkit.artifacts.inputs import Slice
from lmkit.readers.file_text import encoding_of
from lmkit.readers.provenance import refuse_binary
from lmkit.readers.reader import Request
from lmkit.storage.byte_lines import Line, blocks, lines_around_damage
from lmkit.storage.byte_ranges import READ_BYTES, CorruptInput, Range
from lmkit.storage.compressed_members import decompressed_from

START_BYTES = 1 << 16
UTF8 = "utf-8"
# UTF-32 first: its little-endian byte-order mark begins with that of UTF-16.
MARKED = {
    codecs.BOM_UTF8: UTF8,
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
WITHOUT_MARK = {"utf-8-sig": UTF8, "utf-16": "utf-16-le", "utf-32": "utf-32-le"}


@dataclass(frozen=True)
class Encoding:
    """How the text of a file is encoded."""

    name: str = UTF8

    @property
    def newline(self) -> bytes:
        """The bytes of a line feed."""
        return "\n".encode(self.name)

    def text(self, data: bytes, offset: int = 0) -> str:
        """Return the text of some bytes. Raises `CorruptInput` if they are in another encoding."""
        try:
            return data.decode(self.name)
        except UnicodeError as error:
            reason = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
            raise CorruptInput(offset, f"not {self.name.upper()}: {reason}") from None


def start_of(part: Slice, source: Range, size: int = START_BYTES) -> bytes:
    """Return the first bytes of the whole file, decompressed; empty if they can't be read."""
    found = b""
    try:
        if part.compression != "none":
            for _, data in decompressed_from(source, part.compression, 0):
                found += data
                if len(found) >= size:
                    break
        else:
            source.seek(0)
            found = source.read(size)
    except CorruptInput:
        pass  # the reader of the lines will report it
    source.seek(source.start)
    return found[:size]


def detected(start: bytes, request: Request) -> Encoding:
    """Return the encoding of a file that begins with these bytes.

    Raises `CorruptInput` if the file is binary.
    """
    for mark, name in MARKED.items():
        if start.startswith(mark):
            return Encoding(name)
    chosen = request.reading.encoding
    if chosen is not None:
        return Encoding(WITHOUT_MARK.get(chosen, chosen))
    found = encoding_of(start[:4096])
    if found == UTF8:
        refuse_binary(start[:4096])
    return Encoding(found)


def encoded_lines(
    part: Slice, source: Range, encoding: Encoding, limit: int
) -> Iterator[Line | CorruptInput]:
    """Yield the lines that begin in a range, in the file's own bytes, and the corrupt parts."""
    if encoding.newline == b"\n":
        yield from lines_around_damage(source, part.compression, limit)
    elif part.compression == "none" or source.start == 0:
        yield from _wide_lines(part, source, encoding.newline, limit)


def _wide_lines(
    part: Slice, source: Range, newline: bytes, limit: int
) -> Iterator[Line | CorruptInput]:
    compressed, width = part.compression != "none", len(newline)
    first = 0 if compressed else -(-source.start // width) * width
    if not compressed and first >= source.stop > source.start:
        return
    start = max(0, first - width)  # a line begins at `first` if a line feed stands before it
    pieces = blocks(source, part.compression, READ_BYTES, offset=start)
    skipping, too_long = first > 0, False
    held, base, searched = b"", start, 0
    member, feeds, line_at = -1, 0, (first, 0)
    try:
        for offset, data in pieces:
            if compressed and offset != member:
                member, feeds = offset, 0
                line_at = line_at if held else (member, 0)
            held += data
            begin = 0
            while (end := _aligned(held, newline, searched, base)) >= 0:
                if not skipping:
                    data_or_none = None if too_long or end - begin > limit else held[begin:end]
                    yield Line(*line_at, data_or_none)
                feeds += 1
                begin = searched = end + width
                line_at = (member, feeds) if compressed else (base + begin, 0)
                skipping = too_long = False
                if not compressed and line_at[0] >= source.stop:
                    return
            if len(held) - begin > limit:
                too_long, begin = True, len(held) - (base + len(held)) % width
            held, base = held[begin:], base + begin
            searched = max(0, len(held) - width + 1)
    except CorruptInput as damage:
        yield damage
        return
    if (held or too_long) and not skipping:
        yield Line(*line_at, None if too_long else held)


def _aligned(held: bytes, newline: bytes, start: int, base: int) -> int:
    """Return the index of the next line feed that begins at a multiple of its width."""
    found = held.find(newline, start)
    while found >= 0 and (base + found) % len(newline):
        found = held.find(newline, found + 1)
    return found
