"""A stream of byte blocks, read by count and searched, never held completely in memory.

Choice: where the stream turns out to be corrupt it ends, and `damage` holds the error. What came
before it can still be read, and reading ahead doesn't hide the error.
"""

from collections.abc import Iterator

from lmkit.storage.byte_ranges import CorruptInput


class ByteBuffer:
    """Bytes that arrive in blocks. `position` counts those that were taken or skipped."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._buffer = bytearray()
        self.position = 0
        self.damage: CorruptInput | None = None
        self._absent_before: tuple[bytes, int] = b"", 0
        """A marker, and the position before which it is known not to begin."""

    def peek(self, size: int) -> bytes:
        """Return the next bytes without consuming them; fewer at the end."""
        self._fill(size)
        return bytes(self._buffer[:size])

    def peek_at(self, offset: int, size: int) -> bytes:
        """Return bytes from `offset` bytes ahead without consuming any; fewer at the end."""
        self._fill(offset + size)
        return bytes(self._buffer[offset : offset + size])

    def find(self, marker: bytes, start: int, stop: int) -> int:
        """Return how far ahead a marker begins, between two offsets; -1 if it doesn't."""
        end = stop + len(marker) - 1
        self._fill(end)
        return self._buffer.find(marker, start, end)

    def skip(self, size: int) -> int:
        """Skip bytes without holding them; return how many there were."""
        left = size
        while left:
            if not self._buffer and not self._fill(1):
                break
            step = min(left, len(self._buffer))
            del self._buffer[:step]
            self.position += step
            left -= step
        return size - left

    def take(self, size: int) -> bytes:
        """Return the next bytes; fewer at the end."""
        self._fill(size)
        return self._drop(min(size, len(self._buffer)))

    def take_to(self, marker: bytes, limit: int) -> bytes | None:
        """Return the bytes up to the end of a marker; nothing is taken if it is too far away."""
        known, position = self._absent_before
        searched = max(0, position - self.position) if known == marker else 0
        while True:
            found = self._buffer.find(marker, searched)
            if found >= 0:
                size = found + len(marker)
                return self._drop(size) if size <= limit else None
            searched = max(searched, len(self._buffer) - len(marker) + 1)
            self._absent_before = marker, self.position + searched
            if len(self._buffer) > limit or not self._fill(len(self._buffer) + 1):
                return None

    def has(self, size: int) -> bool:
        """Return whether at least `size` bytes follow."""
        self._fill(size)
        return len(self._buffer) >= size

    def skip_any(self, characters: bytes) -> None:
        """Skip bytes while they are among these."""
        while self._buffer or self._fill(1):
            rest = self._buffer.lstrip(characters)
            self._drop(len(self._buffer) - len(rest))
            if rest:
                return

    def unread(self, data: bytes) -> None:
        """Undo a `take`."""
        self._buffer[:0] = data
        self.position -= len(data)

    def skip_to(self, marker: bytes, at_most: int | None = None) -> bool:
        """Skip up to a marker, or at most `at_most` bytes; return whether the marker was found."""
        left = at_most
        while True:
            self._fill(max(len(marker), 1 << 16))
            found = self._buffer.find(marker)
            if found >= 0 and (left is None or found <= left):
                self._drop(found)
                return True
            step = len(self._buffer) - len(marker) + 1
            ended = step <= 0 or not self._fill(len(self._buffer) + 1)
            step = len(self._buffer) if ended else step
            if left is not None and step >= left:
                self._drop(left)
                return False
            self._drop(step)
            if ended:
                return False
            left = None if left is None else left - step

    def _fill(self, size: int) -> bool:
        while len(self._buffer) < size:
            try:
                piece = next(self._pieces, None)
            except CorruptInput as damage:
                self.damage = damage
                return False
            if piece is None:
                return False
            self._buffer += piece
        return True

    def _drop(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        self.position += size
        return data
