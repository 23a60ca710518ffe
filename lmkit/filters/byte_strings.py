"""Many strings in one array of UTF-8 bytes, so that numpy can process all of them at once.

Choice: the bytes are padded, so that sixteen bytes can be read from the start of each string on.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
PADDING = b" " * 16
"""White space, so that a text that is split there has no string in it."""


class ByteStrings(NamedTuple):
    """Strings, each a slice of the same bytes."""

    data: Bytes
    """With padding: see `padded`."""
    starts: Ints
    lengths: Ints
    """Bytes of each string."""

    def take(self, indices: Ints) -> "ByteStrings":
        """Return some of the strings."""
        return ByteStrings(self.data, self.starts[indices], self.lengths[indices])

    def tolist(self) -> list[bytes]:
        """Return the strings themselves."""
        view, ends = self.data.data, self.starts + self.lengths
        slices = zip(self.starts.tolist(), ends.tolist(), strict=True)
        return [view[start:end].tobytes() for start, end in slices]

    def texts(self) -> list[str]:
        """Return the strings as text."""
        return [string.decode() for string in self.tolist()]


def padded(data: bytes) -> Bytes:
    """Return bytes as an array, with padding."""
    return np.frombuffer(data + PADDING, np.uint8)


def byte_strings(texts: Sequence[str]) -> ByteStrings:
    """Concatenate texts.

    >>> byte_strings(["no", "", "naïve"]).lengths.tolist()
    [2, 0, 6]
    """
    strings = [text.encode() for text in texts]
    return concatenated(b"".join(strings), np.fromiter(map(len, strings), np.int64, len(strings)))


def concatenated(data: bytes, lengths: Ints) -> ByteStrings:
    """Return strings that follow each other without a gap."""
    return ByteStrings(padded(data), np.cumsum(lengths) - lengths, lengths)


def ranges(starts: Ints, lengths: Ints) -> Ints:
    """Return the indices of several ranges, one after the other.

    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(total)
