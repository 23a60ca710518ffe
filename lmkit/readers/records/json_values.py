"""The values of a JSON file, one by one, without holding more than one of them.

Choices:
- Where a value ends is found by its brackets and strings; only then is it parsed. So a value that
  isn't JSON costs itself, and one over the limit is streamed past.
- The location of a value is its byte offset in the file as stored, whatever the encoding; in a
  compressed file it is the offset of its member, and its index among the values there.
- Python's `json` and orjson read a whole file at once, and ijson is an order slower than orjson.
"""

import codecs
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from typing import Any

from lmkit.artifacts.inputs import Slice
from lmkit.readers.records.encoded_lines import UTF8, Encoding
from lmkit.storage.byte_lines import blocks
from lmkit.storage.byte_ranges import CorruptInput, Range
from lmkit.storage.json_bytes import from_json

# Everything up to the next bracket, or to the quote of a string that doesn't end in the buffer.
BRACKET = re.compile(rb'(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^"\[\]{}]++)*+([\[\]{}"])', re.DOTALL)
IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+("?)', re.DOTALL)
SCALAR = re.compile(rb'[^\s,:\[\]{}"]*+')
# White space, and what separates the texts of a JSON sequence (RFC 7464).
# A byte-order mark stands where files were put together.
SPACE = re.compile(rb"(?:[\s\x1e]|\xef\xbb\xbf)*+")
BLOCK_BYTES = 1 << 18
MORE_BYTES = 1 << 16


class JsonValues:
    """A cursor in a JSON file. Its methods raise `CorruptInput` where the file can't be read."""

    def __init__(
        self, part: Slice, source: Range, encoding: Encoding, found: Counter[int] | None = None
    ) -> None:
        self._part, self._source, self._encoding = part, source, encoding
        self._compressed = part.compression != "none"
        pieces = _own_position(source, blocks(source, part.compression, BLOCK_BYTES, offset=0))
        self._pieces = self._in_utf8(pieces)
        self._buffer = b""
        self._position = 0
        self._base = 0
        """The offset of the buffer in the decompressed file in UTF-8."""
        self._counted, self._stored = 0, 0
        """An offset like `_base`, and the offset in the file as stored that it stands for."""
        self._members: list[tuple[int, int]] = []
        """Where the members begin: in the decompressed file, and in the file."""
        self._found = Counter[int]() if found is None else found
        """How many records have begun in each member."""

    def again(self, offset: int) -> "JsonValues":
        """Return another cursor at what was `self.here` once."""
        other = JsonValues(self._part, self._source, self._encoding, self._found)
        while other.here < offset:
            step = min(offset - other.here, len(other._buffer) - other._position)
            other._position += step
            if other.here < offset and not other._more(other._position):
                break
        return other

    @property
    def here(self) -> int:
        """The offset in the decompressed file, in UTF-8."""
        return self._base + self._position

    def back_to(self, offset: int) -> bool:
        """Go back to an offset if it is still in memory."""
        if offset < self._base:
            return False
        self._position = offset - self._base
        return True

    def location(self) -> tuple[int, int | None]:
        """Return the offset of a record that begins here, and its index in a compressed member."""
        if self._compressed:
            number = bisect_right(self._members, (self.here, 1 << 62)) - 1
            member = self._members[max(0, number)][1] if self._members else 0
            self._found[member] += 1
            return member, self._found[member] - 1
        return self.stored(), None

    def stored(self) -> int:
        """Return the offset in the file as stored (of the member, in a compressed file)."""
        if self._compressed:
            return self._members[-1][1] if self._members else 0
        self._count(self._position)
        return self._stored

    def peek(self) -> str:
        """Return the next character that isn't white space; empty at the end."""
        while True:
            found = SPACE.match(self._buffer, self._position)
            self._position = found.end() if found else self._position
            if self._position < len(self._buffer):
                return chr(self._buffer[self._position])
            if not self._more(self._position):
                return ""

    def step(self) -> None:
        """Go over one character."""
        self._position += 1

    def take(self, limit: int) -> bytes | None:
        """Return the bytes of the next value, None if there are more than the limit."""
        first, start = self.peek(), self.here
        if first in {"[", "{"}:
            fits = self._skip(0, start, limit)
        elif first == '"':
            self.step()
            fits = self._skip_string(start, limit)
        else:
            fits = self._skip_scalar(start, limit)
        if not fits:
            return None
        return self._buffer[start - self._base : self._position]

    def leave(self, depth: int) -> None:
        """Go to the end of the objects or lists that are open here."""
        self._skip(depth, self.here, 0)

    def _skip(self, depth: int, start: int, limit: int) -> bool:
        """Go to the end of the brackets; return whether all since `start` is still in memory."""
        fits = True
        while True:
            found = BRACKET.match(self._buffer, self._position)
            if found is None:
                self._position = len(self._buffer)
                fits = self._need(start, limit) and fits
                continue
            self._position = found.end()
            mark = found[1]
            if mark == b'"':
                fits = self._skip_string(start, limit) and fits
                continue
            depth += 1 if mark in b"[{" else -1
            if depth <= 0:
                return fits and self.here - start <= limit

    def _skip_string(self, start: int, limit: int) -> bool:
        fits = True
        while True:
            found = IN_STRING.match(self._buffer, self._position)
            assert found is not None
            self._position = found.end()
            if found[1]:
                return fits and self.here - start <= limit
            fits = self._need(start, limit) and fits

    def _skip_scalar(self, start: int, limit: int) -> bool:
        fits = True
        while True:
            found = SCALAR.match(self._buffer, self._position)
            assert found is not None
            self._position = found.end()
            if found.end() < len(self._buffer):
                return fits and self.here - start <= limit
            fits = self.here - start <= limit and fits
            if not self._more(start - self._base if fits else self._position):
                return fits

    def _need(self, start: int, limit: int) -> bool:
        """Read on inside of a value; return whether all since `start` is still in memory."""
        fits = start >= self._base and self.here - start <= limit
        if not self._more(start - self._base if fits else self._position):
            raise CorruptInput(self.stored(), "truncated: it ends inside a value")
        return fits

    def _more(self, keep: int) -> bool:
        """Read more; forget what is before `keep`. Return whether there was more."""
        pieces: list[bytes] = [self._buffer[keep:]]
        size, wanted = 0, max(MORE_BYTES, len(self._buffer) - keep)
        for offset, data in self._pieces:
            if not data:
                continue
            if self._compressed and (not self._members or self._members[-1][1] != offset):
                end = self._base + len(self._buffer) + size
                self._members = [*self._members[-1000:], (end, offset)]
            pieces.append(data)
            size += len(data)
            if size >= wanted:
                break
        if not size:
            return False
        self._count(keep)
        self._buffer = b"".join(pieces)
        self._base += keep
        self._position -= keep
        return True

    def _count(self, position: int) -> None:
        """Count the stored bytes up to a position of the buffer."""
        begin = self._counted - self._base
        if position <= begin:
            return
        size = position - begin
        if self._encoding.name != UTF8:
            text = self._buffer[begin:position].decode("utf-8", "surrogatepass")
            size = len(text.encode(self._encoding.name, "surrogatepass"))
        self._stored += size
        self._counted = self._base + position

    def _in_utf8(self, pieces: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
        if self._encoding.name == UTF8:
            yield from pieces
            return
        decoder = codecs.getincrementaldecoder(self._encoding.name)()
        offset = 0
        try:
            for offset, data in pieces:
                yield offset, decoder.decode(data).encode("utf-8", "surrogatepass")
            yield offset, decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")
        except UnicodeError as error:
            reason = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
            name = self._encoding.name.upper()
            raise CorruptInput(offset, f"not {name}: {reason}") from None


def _own_position(
    source: Range, pieces: Iterator[tuple[int, bytes]]
) -> Iterator[tuple[int, bytes]]:
    """Yield pieces of a file that is read elsewhere at the same time."""
    position = source.position
    while True:
        source.seek(position)
        piece = next(pieces, None)
        if piece is None:
            return
        position = source.position
        yield piece


def parsed(data: bytes, offset: int) -> Any:
    """Return the value of some bytes. Raises `CorruptInput`."""
    try:
        return from_json(data)
    except UnicodeDecodeError as error:
        raise CorruptInput(offset, f"not UTF-8: {error.reason}") from None
    except (ValueError, RecursionError) as error:
        raise CorruptInput(offset, f"not JSON: {error}") from None


def next_name(values: JsonValues, limit: int) -> str | None:
    """Move to the next value of an object and return its name; None if the object has ended."""
    while (mark := values.peek()) == ",":
        values.step()
    offset = values.stored()
    if mark == "}":
        values.step()
        return None
    data = values.take(limit) if mark == '"' else None
    name: Any = parsed(data, offset) if data else None
    if not isinstance(name, str) or values.peek() != ":":
        raise CorruptInput(offset, "not JSON: expected a name and a colon")
    values.step()
    return name
