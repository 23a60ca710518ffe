"""A slice of an input: what one task reads of it.

Choice: a big file is split into even ranges (see `inputs.py`), so that no worker is left with a
short remainder.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lmkit.artifacts.options import RANGE_BYTES
from lmkit.storage.byte_ranges import Compression
from lmkit.storage.formats import Format
from lmkit.storage.registry import FORMATS

SPLITTABLE: set[tuple[Format, str]] = {
    ("tokens", "none"),
    *((each.name, compression) for each in FORMATS for compression in each.splits),
}
"""What a task can read from any offset."""
# The weight of a compressed byte when work is divided: text shrinks to about a third.
COMPRESSED_WEIGHT = 3


class Slice(NamedTuple):
    """A part of an input that one task reads."""

    input: int
    """The index of the input in the plan."""
    location: str
    """Its path or URL, as a string: there may be millions."""
    source: str
    origin: str
    format: Format
    compression: Compression
    start: int
    stop: int
    size: int
    modified: int
    sha256: str = ""
    """The SHA-256 that a manifest lists."""

    @property
    def path(self) -> Path:
        """Return its path."""
        return Path(self.location)

    @property
    def weight(self) -> int:
        """Return the approximate amount of text it holds, in bytes."""
        if self.format == "hub":
            return RANGE_BYTES  # a shard, whose size is unknown
        return (self.stop - self.start) * (1 if self.compression == "none" else COMPRESSED_WEIGHT)


def split(part: Slice, max_bytes: int) -> Iterator[Slice]:
    """Split a slice into even ranges of at most so many bytes of text, where that is possible."""
    step = _range_bytes(part.size, part.compression, max_bytes)
    if (part.format, part.compression) not in SPLITTABLE or step >= part.size:
        yield part
        return
    for start in range(0, part.size, step):
        yield part._replace(start=start, stop=min(start + step, part.size))


def most_unsplit(kind: Format, compression: Compression, max_bytes: int) -> int:
    """Return the size up to which a file of a format isn't split."""
    if (kind, compression) not in SPLITTABLE:
        return 1 << 63
    return max_bytes if compression == "none" else max_bytes // COMPRESSED_WEIGHT


def _range_bytes(size: int, compression: Compression, max_bytes: int) -> int:
    """Return the length of the even ranges in which a file is read.

    >>> _range_bytes(67, "none", 64), _range_bytes(67, "gzip", 64), _range_bytes(0, "none", 64)
    (34, 17, 1)
    """
    most = max_bytes if compression == "none" else max_bytes // COMPRESSED_WEIGHT
    ranges = max(1, -(-size // most))
    return max(1, -(-size // ranges))
