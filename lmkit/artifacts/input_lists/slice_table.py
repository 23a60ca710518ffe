"""The slices of many inputs, and tasks of them: made when they are asked for.

Choices:
- Nearly all of many inputs are files that are read as a whole, so a slice is an input and a format.
  The few others (of finished folders, and of data sets) are kept as they are.
- A task is known by its first slice, and by where it begins in it.
"""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import overload

import numpy as np

from lmkit.artifacts.input_lists.input_slice import (
    COMPRESSED_WEIGHT,
    Slice,
    most_unsplit,
    split,
)
from lmkit.artifacts.input_lists.input_table import InputTable
from lmkit.storage.byte_ranges import Compression
from lmkit.storage.formats import Format

Kind = tuple[Format, Compression]


class SliceTable(Sequence[Slice]):
    """The slices of all inputs, in order."""

    def __init__(
        self,
        inputs: InputTable,
        kinds: Sequence[Kind],
        kind_numbers: Sequence[int],
        others: Mapping[int, Sequence[Slice]],
    ) -> None:
        """Take the inputs, and the number of the kind of each.

        `others` are the slices of the inputs that aren't read as a single one.
        """
        self._inputs = inputs
        self._kinds = kinds
        self._numbers = kind_numbers
        self._others = others
        self._first_input = 0
        """The index in the plan of the first input."""
        counts = np.ones(len(inputs), np.int64)
        for number, slices in others.items():
            counts[number] = len(slices)
        self._ends = np.cumsum(counts)
        """How many slices there are up to each input."""

    def renumbered(self, first: int) -> "SliceTable":
        """Return the slices with input indices that start at `first`."""
        found = SliceTable(self._inputs, self._kinds, self._numbers, self._others)
        found._first_input = first
        return found

    def formats(self) -> Counter[Format]:
        """Count the inputs of each format."""
        found: Counter[Format] = Counter()
        counts = np.bincount(np.array(self._numbers), minlength=len(self._kinds))
        for (name, _), count in zip(self._kinds, counts.tolist(), strict=True):
            found[name] += count
        for number, slices in self._others.items():
            found[self._kinds[self._numbers[number]][0]] -= 1
            found.update({part.format for part in slices})
        return +found

    def pieces(self, range_bytes: int) -> Iterator[tuple[int, int, int]]:
        """Yield the ranges that slices are split into: a slice, where it starts, its weight."""
        most = [most_unsplit(*kind, range_bytes) for kind in self._kinds]
        factors = [1 if kind[1] == "none" else COMPRESSED_WEIGHT for kind in self._kinds]
        index = 0
        for number, kind in enumerate(self._numbers):
            size = self._inputs.size_of(number)
            if number in self._others or size > most[kind]:
                for whole in self._of_input(number):
                    for part in split(whole, range_bytes):
                        yield index, part.start, part.weight
                    index += 1
            else:
                yield index, 0, size * factors[kind]
                index += 1

    def _of_input(self, number: int) -> Sequence[Slice]:
        at = self._first_input + number
        if number in self._others:
            return [part._replace(input=at) for part in self._others[number]]
        return (self._of_file(number),)

    def _of_file(self, number: int) -> Slice:
        path, source, origin, size, modified = self._inputs.row(number)
        name, compression = self._kinds[self._numbers[number]]
        at = self._first_input + number
        assert modified is not None, "a file has a time"
        return Slice(at, path, source, origin, name, compression, 0, size, size, modified)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    @overload
    def __getitem__(self, index: int) -> Slice: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Slice, ...]: ...
    def __getitem__(self, index: int | slice) -> Slice | tuple[Slice, ...]:
        if isinstance(index, slice):
            return tuple(self[each] for each in range(*index.indices(len(self))))
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(index)
        if not self._others:
            return self._of_file(number)
        of = int(np.searchsorted(self._ends, number, side="right"))
        slices = self._of_input(of)
        return slices[number - int(self._ends[of]) + len(slices)]

    def __iter__(self) -> Iterator[Slice]:
        for number in range(len(self._inputs)):
            yield from self._of_input(number)


class TaskTable(Sequence[tuple[Slice, ...]]):
    """The slices that each task reads."""

    def __init__(self, slices: SliceTable, range_bytes: int) -> None:
        self._slices = slices
        self._range_bytes = range_bytes
        self._firsts, self._starts = array("q"), array("q")

    def add(self, index: int, start: int) -> None:
        """Begin a task with a slice, where it starts."""
        self._firsts.append(index)
        self._starts.append(start)

    def __len__(self) -> int:
        return len(self._firsts)

    @overload
    def __getitem__(self, index: int) -> tuple[Slice, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[tuple[Slice, ...], ...]: ...
    def __getitem__(self, index: int | slice) -> tuple[Slice, ...] | tuple[tuple[Slice, ...], ...]:
        if isinstance(index, slice):
            return tuple(self[each] for each in range(*index.indices(len(self))))
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(index)
        first = self._firsts[number], self._starts[number]
        stop = len(self._slices), 0
        if number + 1 < len(self):
            stop = self._firsts[number + 1], self._starts[number + 1]
        last = min(stop[0], len(self._slices) - 1)
        return tuple(
            part
            for at in range(first[0], last + 1)
            for part in split(self._slices[at], self._range_bytes)
            if first <= (at, part.start) < stop
        )
