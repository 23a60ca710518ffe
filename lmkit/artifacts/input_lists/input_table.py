"""Inputs in columns: each takes its path and some 70 bytes, a third of what an object takes.

Choices:
- An input is made when it is asked for. Its path and its origin are stored as one text where the
  path ends in the origin, as it does unless an argument is a link.
- A longer list shares the columns of the one that it begins with: the inputs of an option come
  after those of the command, and nothing is copied for them.
"""

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from itertools import islice
from typing import overload

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.input_lists.recorded_input import Input

NOT_MODIFIED = -(1 << 63)
"""Stands for no time."""
DIGEST = 32
"""Bytes of a SHA-256."""
HEX = re.compile("[0-9a-f]{64}")
ENCODING = ("utf-8", "surrogatepass")
"""File names may not be UTF-8: Python has lone surrogates for those bytes."""


class _Columns:
    """The columns that lists share."""

    def __init__(self) -> None:
        self.text = bytearray()
        self.ends = array("q")
        """Where the text of each input ends."""
        self.path_sizes = array("q")
        self.origin_starts = array("q")
        self.labels: list[str] = []
        self.label_numbers: dict[str, int] = {}
        self.sources = array("q")
        self.bytes = array("q")
        self.modified = array("q")
        self.has_digest = bytearray()
        """Whether the content of an input has a single SHA-256, up to the last one that has."""
        self.digests = bytearray()
        """Those SHA-256s."""
        self.other_digests: dict[int, tuple[str, ...]] = {}

    def add_digest(self, number: int, sha256: tuple[str, ...]) -> None:
        """Add what identifies the content of the input with the largest number so far."""
        digest = _as_bytes(sha256)
        if digest is None:
            self.other_digests[number] = sha256
            return
        missing = number - len(self.has_digest)
        self.has_digest += bytes(missing) + b"\1"
        self.digests += bytes(DIGEST * missing) + digest

    def with_digests(
        self,
        count: int,
        numbers: NDArray[np.int64],
        digests: NDArray[np.void],
        others: dict[int, tuple[str, ...]],
    ) -> "_Columns":
        """Return the columns with the SHA-256s of some inputs of so many."""
        missing = max(0, count - len(self.has_digest))
        found = copy(self)
        found.has_digest = self.has_digest + bytes(missing)
        found.digests = self.digests + bytes(DIGEST * missing)
        np.frombuffer(found.has_digest, np.uint8)[numbers] = 1
        np.frombuffer(found.digests, digests.dtype)[numbers] = digests
        found.other_digests = self.other_digests | others
        return found

    def sha256(self, number: int) -> tuple[str, ...]:
        """Return what identifies the content of an input."""
        if self.other_digests and (several := self.other_digests.get(number)):
            return several
        if number >= len(self.has_digest) or not self.has_digest[number]:
            return ()
        return (self.digests[DIGEST * number : DIGEST * (number + 1)].hex(),)


def _as_bytes(sha256: tuple[str, ...]) -> bytes | None:
    """Return a single SHA-256 as bytes; None for anything else."""
    if len(sha256) != 1 or not HEX.fullmatch(sha256[0]):
        return None
    return bytes.fromhex(sha256[0])


class InputTable(Sequence[Input]):
    """A list of inputs."""

    def __init__(self, inputs: Iterable[Input] = ()) -> None:
        self._columns = _Columns()
        self._count = 0
        self._add_all(inputs)

    def add(
        self,
        path: str,
        source: str,
        origin: str,
        size: int,
        modified: int | None,
        sha256: tuple[str, ...] = (),
    ) -> None:
        """Add an input. Raises OverflowError for a number of more than 64 bits."""
        columns = self._columns
        assert self._count == len(columns.ends), "another list goes on where this one ends"
        text = path.encode(*ENCODING)
        start = len(text)
        columns.path_sizes.append(start)
        if path.endswith(origin):
            start -= len(origin.encode(*ENCODING))
        else:
            text += origin.encode(*ENCODING)
        columns.origin_starts.append(start)
        columns.bytes.append(size)
        columns.modified.append(NOT_MODIFIED if modified is None else modified)
        if source not in columns.label_numbers:
            columns.label_numbers[source] = len(columns.labels)
            columns.labels.append(source)
        columns.sources.append(columns.label_numbers[source])
        if sha256:
            columns.add_digest(self._count, sha256)
        columns.text += text
        columns.ends.append(len(columns.text))
        self._count += 1

    def _add_all(self, inputs: Iterable[Input]) -> None:
        for each in inputs:
            self.add(each.path, each.source, each.origin, each.bytes, each.modified, each.sha256)

    def extended(self, inputs: Iterable[Input]) -> "InputTable":
        """Return a list with more inputs after these, which remain as they are."""
        if self._count != len(self._columns.ends):
            return InputTable(self).extended(inputs)
        longer = InputTable()
        longer._columns, longer._count = self._columns, self._count
        longer._add_all(inputs)
        return longer

    def with_digests(
        self,
        numbers: NDArray[np.int64],
        digests: NDArray[np.void],
        others: dict[int, tuple[str, ...]],
    ) -> "InputTable":
        """Return the list with SHA-256s: of inputs that were read whole, and of others by ranges.

        `numbers` are the indices of those whose `digests` are given, of 32 bytes each.
        """
        found = InputTable()
        found._columns = self._columns.with_digests(self._count, numbers, digests, others)
        found._count = self._count
        return found

    @property
    def total_bytes(self) -> int:
        """The bytes of all inputs together."""
        return sum(islice(self._columns.bytes, self._count))

    def size_of(self, number: int) -> int:
        """Return the bytes of an input."""
        return self._columns.bytes[number]

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Input: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Input, ...]: ...
    def __getitem__(self, index: int | slice) -> Input | tuple[Input, ...]:
        if isinstance(index, slice):
            return tuple(self[each] for each in range(*index.indices(self._count)))
        number = index + self._count if index < 0 else index
        if not 0 <= number < self._count:
            raise IndexError(index)
        path, source, origin, size, modified = self.row(number)
        return Input(path, source, size, origin, modified, self._columns.sha256(number))

    def __iter__(self) -> Iterator[Input]:
        for number in range(self._count):
            path, source, origin, size, modified = self.row(number)
            yield Input(path, source, size, origin, modified, self._columns.sha256(number))

    def row(self, number: int) -> tuple[str, str, str, int, int | None]:
        """Return the path, the label, the origin, the size and the time of an input."""
        columns = self._columns
        first = columns.ends[number - 1] if number else 0
        text = columns.text[first : columns.ends[number]]
        size, start = columns.path_sizes[number], columns.origin_starts[number]
        path = text[:size].decode(*ENCODING)
        origin = text[start:].decode(*ENCODING)
        modified = columns.modified[number]
        return (
            path,
            columns.labels[columns.sources[number]],
            origin,
            columns.bytes[number],
            None if modified == NOT_MODIFIED else modified,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, InputTable):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]
