"""Inputs in the order in which they are found, sorted.

Choices:
- Up to a hundred thousand are kept as objects. More are sorted in blocks, which are merged into
  tables (`input_table.py`): at no time does each of ten million have objects of its own.
- A block is kept as bytes, in pieces that are read again one by one.
"""

import marshal
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from heapq import merge
from typing import Any

from lmkit.artifacts.input_lists.input_slice import Slice
from lmkit.artifacts.input_lists.input_table import NOT_MODIFIED, InputTable
from lmkit.artifacts.input_lists.recorded_input import Input
from lmkit.artifacts.input_lists.slice_table import Kind, SliceTable
from lmkit.storage.formats import Format, suffix_and_compression
from lmkit.storage.remote_files import State

MOST_OBJECTS = 100_000
BLOCK = 1 << 18
"""Inputs that are sorted at a time."""
PIECE = 1 << 12
"""Inputs of each block that are merged at a time."""
FILE = -1
Row = tuple[str, str, str, int, int, int, int]
"""Label, origin and path of an input, which is their order; the number of its slices among those of
inputs that are no files, or FILE; the number of its kind; bytes and time."""


class FoundInputs:
    """Collects inputs and what is to be read of them."""

    def __init__(self) -> None:
        self._count = 0
        self._rows: list[Row] = []
        self._blocks: list[deque[bytes]] = []
        self._kinds: dict[Kind, int] = {}
        self._others: list[tuple[Input, Sequence[Slice]]] = []

    def __len__(self) -> int:
        return self._count

    def add(self, record: Input, slices: Sequence[Slice]) -> None:
        """Add an input that isn't a file to read from its beginning to its end."""
        number = self._kind(slices[0].format, slices[0].compression)
        modified = NOT_MODIFIED if record.modified is None else record.modified
        key = record.source, record.origin, record.path
        self._add((*key, len(self._others), number, record.bytes, modified))
        self._others.append((record, slices))

    def add_file(self, label: str, path: str, origin: str, kind: Format, state: State) -> None:
        """Add a file."""
        compression = suffix_and_compression(path.rpartition("/")[2])[1]
        kind_number = self._kind(kind, compression)
        self._add((label, origin, path, FILE, kind_number, state.size, state.modified))

    def _kind(self, name: Format, compression: Any) -> int:
        return self._kinds.setdefault((name, compression), len(self._kinds))

    def _add(self, row: Row) -> None:
        self._rows.append(row)
        self._count += 1
        if len(self._rows) == BLOCK and self._count > MOST_OBJECTS:
            self._pack()

    def _pack(self) -> None:
        rows = sorted(self._rows)
        pieces = (rows[first : first + PIECE] for first in range(0, len(rows), PIECE))
        self._blocks.append(deque(map(marshal.dumps, pieces)))
        self._rows = []

    def sorted(self) -> tuple[Sequence[Input], Sequence[Slice]]:
        """Return all inputs in order, and their slices."""
        if self._count <= MOST_OBJECTS:
            return self._as_objects()
        self._pack()
        inputs, numbers, others = InputTable(), array("q"), dict[int, list[Slice]]()
        for source, origin, path, other, kind, size, modified in merge(
            *map(_rows_of, self._blocks)
        ):
            numbers.append(kind)
            if other == FILE:
                inputs.add(path, source, origin, size, modified)
                continue
            record, slices = self._others[other]
            others[len(inputs)] = [part._replace(input=len(inputs)) for part in slices]
            time = None if modified == NOT_MODIFIED else modified
            inputs.add(path, source, origin, size, time, record.sha256)
        return inputs, SliceTable(inputs, list(self._kinds), numbers, others)

    def _as_objects(self) -> tuple[tuple[Input, ...], tuple[Slice, ...]]:
        kinds = list(self._kinds)
        records: list[Input] = []
        slices: list[Slice] = []
        for number, row in enumerate(sorted(self._rows)):
            source, origin, path, other, kind, size, modified = row
            if other == FILE:
                name, compression = kinds[kind]
                records.append(Input(path, source, size, origin, modified))
                slices.append(
                    Slice(number, path, source, origin, name, compression, 0, size, size, modified)
                )
            else:
                record, parts = self._others[other]
                records.append(record)
                slices += [part._replace(input=number) for part in parts]
        return tuple(records), tuple(slices)


def _rows_of(block: deque[bytes]) -> Iterator[Row]:
    while block:
        yield from marshal.loads(block.popleft())
