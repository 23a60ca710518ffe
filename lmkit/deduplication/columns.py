"""Columns: what matchers store of every document of a task, in scratch files.

    .partial/digests-00003.scratch     rows: the values of each document of task 3
    .partial/shingles-00003.scratch    ragged: those of all documents, concatenated,
    .partial/sizes-00003.scratch       and how many each document has
    .partial/bands-00003.scratch       by band: the first value of every document, then the second

Choices:
- A matcher declares its columns. The files that a task writes, the copy of the kept documents into
  the crawl index, and the check that an index has what is compared follow from that declaration: no
  matcher can be missing in the index.
- Bands are matched one by one, so each is read in one piece: a column of several values per
  document may be stored band after band.
- A document that is only labelled as a duplicate is kept, and in the index it may lose a column: it
  has zeros there, or no values. A matcher takes both to mean that there is nothing to compare.
"""

from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.tasks import TaskFiles, TaskWriter, scratch

Part = tuple[Path, int]
"""Where the columns of a task are stored: a folder, and the number in the names of the files."""
Mask = NDArray[np.bool_]
Numbers = NDArray[np.int64]


def mapped(path: Path, dtype: Any) -> NDArray[Any]:
    """Return the values of a file, which are read when they are used."""
    return np.memmap(path, dtype, "r") if path.stat().st_size else np.empty(0, dtype)


@dataclass(frozen=True)
class Column(ABC):
    """What is stored of each document under a name."""

    name: str
    dtype: str
    labelled_lose_it: bool = False
    """Whether the index stores nothing of documents that are labelled as duplicates."""

    @property
    def files(self) -> tuple[str, ...]:
        """The names of its scratch files, without the number of the task."""
        return (self.name,)

    def read(self, part: Part) -> NDArray[Any]:
        """Return all its values, as they are stored."""
        folder, number = part
        return mapped(folder / scratch(self.name, number), self.dtype)

    @abstractmethod
    def check(self, part: Part, documents: int) -> None:
        """Raise ValueError unless its files hold values of so many documents."""

    @abstractmethod
    def kept(self, part: Part, kept: Mask, compared: Mask) -> Iterator[tuple[str, NDArray[Any]]]:
        """Yield what its files hold of the kept documents alone.

        `kept` and `compared` have a value per document: whether it is kept, and whether it is kept
        and not labelled.
        """


@dataclass(frozen=True)
class Rows(Column):
    """The same number of values for each document, one document after another."""

    width: int = 1

    def open(self, writer: TaskWriter) -> "RowsFile":
        """Open its file in a task."""
        return RowsFile(self, writer)

    def check(self, part: Part, documents: int) -> None:
        """Raise ValueError unless its file holds a row of each of so many documents."""
        if len(self.read(part)) != documents * self.width:
            raise ValueError(f"{self.name} doesn't hold values of {documents:,} documents")

    def kept(self, part: Part, kept: Mask, compared: Mask) -> Iterator[tuple[str, NDArray[Any]]]:
        """Yield its rows; zeros for documents that lose them."""
        rows = self.read(part).reshape(-1, self.width)
        yield self.name, (rows * compared[:, None] if self.labelled_lose_it else rows)[kept]


@dataclass(frozen=True)
class ByBand(Column):
    """The same number of values for each document, one band of all documents after another."""

    def open(self, writer: TaskWriter) -> "ByBandFile":
        """Open its file in a task."""
        return ByBandFile(self, writer)

    def band(self, part: Part, band: int, documents: int) -> NDArray[Any]:
        """Read one band of a part that has so many documents."""
        folder, number = part
        offset = np.dtype(self.dtype).itemsize * band * documents
        path = folder / scratch(self.name, number)
        return np.fromfile(path, self.dtype, documents, offset=offset)

    def check(self, part: Part, documents: int) -> None:
        """Raise ValueError unless its file holds whole bands of so many documents."""
        if len(self.read(part)) % max(1, documents):
            raise ValueError(f"{self.name} doesn't hold values of {documents:,} documents")

    def kept(self, part: Part, kept: Mask, compared: Mask) -> Iterator[tuple[str, NDArray[Any]]]:
        """Yield its bands; zeros for documents that lose them."""
        bands = self.read(part).reshape(-1, max(1, len(kept)))
        yield self.name, (bands * compared if self.labelled_lose_it else bands)[:, kept]


@dataclass(frozen=True)
class Ragged(Column):
    """Any number of values for each document, concatenated."""

    lengths: str = "lengths"
    """Name of the file that tells how many values each document has."""
    as_ends: bool = False
    """Whether it tells instead at which index the values of each document end."""

    @property
    def files(self) -> tuple[str, ...]:
        """The names of its scratch files, without the number of the task."""
        return self.name, self.lengths

    def open(self, writer: TaskWriter) -> "RaggedFile":
        """Open its files in a task."""
        return RaggedFile(self, writer)

    def counts(self, part: Part) -> Numbers:
        """Return how many values each document has."""
        folder, number = part
        stored = np.fromfile(folder / scratch(self.lengths, number), np.int64)
        return np.diff(stored, prepend=0) if self.as_ends else stored

    def check(self, part: Part, documents: int) -> None:
        """Raise ValueError unless its files hold values of each of so many documents."""
        counts = self.counts(part)
        values = len(self.read(part))
        if len(counts) != documents or counts.min(initial=0) < 0 or counts.max(initial=0) > values:
            raise ValueError(f"{self.lengths} doesn't hold sizes of {documents:,} documents")
        if int(counts.sum()) != values:
            raise ValueError(f"{self.name} and {self.lengths} contradict each other")

    def kept(self, part: Part, kept: Mask, compared: Mask) -> Iterator[tuple[str, NDArray[Any]]]:
        """Yield its values and their numbers; none for documents that lose them."""
        has_values = compared if self.labelled_lose_it else kept
        counts = self.counts(part)
        yield self.name, self.read(part)[np.repeat(has_values, counts)]
        lengths = (counts * has_values)[kept]
        yield self.lengths, np.cumsum(lengths) if self.as_ends else lengths


class RowsFile(TaskFiles):
    """The rows of the documents of a task, being written."""

    def __init__(self, column: Rows, writer: TaskWriter) -> None:
        super().__init__()
        path = self.stack.enter_context(writer.scratch_file(scratch(column.name, writer.number)))
        self._file = self.stack.enter_context(path.open("wb"))

    def add(self, rows: bytes) -> None:
        """Add the row of the next document, or of several."""
        self._file.write(rows)


class ByBandFile(TaskFiles):
    """The bands of the documents of a task, which are written at the end."""

    def __init__(self, column: ByBand, writer: TaskWriter) -> None:
        super().__init__()
        self._path = self.stack.enter_context(
            writer.scratch_file(scratch(column.name, writer.number))
        )
        self._bands: list[NDArray[Any]] = []

    def add(self, bands: NDArray[Any]) -> None:
        """Add the bands of the next documents: bands x documents."""
        self._bands.append(bands)

    def close(self) -> None:
        """Write all bands."""
        all_bands = np.concatenate(self._bands, axis=1) if self._bands else np.empty(0)
        self._path.write_bytes(all_bands.tobytes())


class RaggedFile(TaskFiles):
    """The values of the documents of a task, being written; their number at the end."""

    def __init__(self, column: Ragged, writer: TaskWriter) -> None:
        super().__init__()
        values, self._lengths_path = (
            self.stack.enter_context(writer.scratch_file(scratch(name, writer.number)))
            for name in column.files
        )
        self._file = self.stack.enter_context(values.open("wb"))
        self._as_ends = column.as_ends
        self._lengths = array("q")

    def add(self, values: bytes, lengths: Iterable[int]) -> None:
        """Add the values of the next documents, concatenated, and how many each of them has."""
        self._file.write(values)
        self._lengths.extend(lengths)

    def close(self) -> None:
        """Write the number of values of each document."""
        lengths = np.array(self._lengths, np.int64)
        self._lengths_path.write_bytes((np.cumsum(lengths) if self._as_ends else lengths).tobytes())
