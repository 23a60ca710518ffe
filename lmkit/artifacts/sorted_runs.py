"""Sorted runs: rows of all documents, sorted by key, of which one range of keys is read at a time.

    .partial/digests-runs-00002.scratch    of run 2: where each partition begins, then its rows

Choices:
- Documents are numbered over all parts, of which each task wrote one. A run holds the rows of many
  parts, a million documents or more. It is sorted once, and each partition reads its range out of
  every run: so every row is read once, however many partitions there are, in few and large pieces,
  however many parts there are.
- Keys are hashes, so a partition is a range of their values. Equal keys are in one partition.
- Several keys of a document, such as its bands, are sections of the file, each sorted by itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.tasks import TaskWriter, scratch

Numbers = NDArray[np.int64]
RUN = 1 << 20
"""Documents of a run, unless a single part has more."""


def parts_of_runs(starts: Numbers) -> list[tuple[int, int]]:
    """Return the first part of each run, and the first after it, given the start of each part.

    >>> parts_of_runs(np.array([0, 600_000, 1_200_000, 1_300_000]))
    [(0, 2), (2, 3)]
    """
    (firsts,) = np.nonzero(np.diff(starts[:-1] // RUN, prepend=-1))
    return list(pairwise([*firsts.tolist(), len(starts) - 1]))


def partitions_of(documents: int, size: int) -> int:
    """Return the number of partitions that have about `size` documents each."""
    return max(1, -(-documents // size))


@dataclass(frozen=True)
class Runs:
    """The sorted runs of some keys of all documents."""

    documents: Any
    """Their `starts` is the number of the first of each part, and how many there are in all."""
    kind: str
    """Name of the files, without their numbers."""
    keys: int
    """How many numbers of 64 bits a key has; it is sorted by the first."""
    sections: int
    partitions: int

    @property
    def row(self) -> np.dtype[Any]:
        """A key, and the number of its document in the run."""
        keys = [(f"key{number}", "<u8") for number in range(self.keys)]
        return np.dtype([*keys, ("document", "<u4")])

    @property
    def parts(self) -> list[tuple[int, int]]:
        """The first part of each run, and the first after it."""
        return parts_of_runs(self.starts)

    @property
    def starts(self) -> Numbers:
        """The number of the first document of each part, and how many there are in all."""
        return self.documents.starts

    @property
    def borders(self) -> NDArray[np.uint64]:
        """The least key of each partition."""
        borders = [(number << 64) // self.partitions for number in range(self.partitions)]
        return np.array(borders, np.uint64)

    def write(
        self,
        writer: TaskWriter,
        numbers: Numbers,
        sections: Iterable[Sequence[NDArray[np.uint64]]],
    ) -> None:
        """Write the run with the number of the task.

        `numbers` are its documents that have a key; each section has the numbers of their keys.
        """
        first = int(self.starts[self.parts[writer.number][0]])
        begins = np.zeros((self.sections, self.partitions + 1), np.int64)
        rows = np.empty(len(numbers), self.row)
        with (
            writer.scratch_file(scratch(self.kind, writer.number)) as path,
            path.open("wb") as file,
        ):
            file.write(begins.tobytes())
            for section, keys in enumerate(sections):
                order = np.argsort(keys[0], kind="stable")
                for number, values in enumerate(keys):
                    rows[f"key{number}"] = values[order]
                rows["document"] = (numbers - first)[order]
                begins[section, :-1] = np.searchsorted(keys[0][order], self.borders)
                begins[section, -1] = len(rows)
                begins[section] += section * len(rows)
                file.write(rows.tobytes())
            file.seek(0)
            file.write(begins.tobytes())

    def read(
        self, partial: Path, section: int, partition: int
    ) -> tuple[list[NDArray[np.uint64]], Numbers]:
        """Return the keys of a partition, and their documents; they are sorted in each run."""
        columns = [[np.empty(0, np.uint64)] for _ in range(self.keys)]
        numbers = [np.empty(0, np.int64)]
        for run, (part, _) in enumerate(self.parts):
            rows = self._rows(partial / scratch(self.kind, run), section, partition)
            for number, column in enumerate(columns):
                column.append(rows[f"key{number}"].copy())
            numbers.append(rows["document"] + self.starts[part])
        return [np.concatenate(column) for column in columns], np.concatenate(numbers)

    def _rows(self, path: Path, section: int, partition: int) -> NDArray[Any]:
        with path.open("rb") as file:
            file.seek(8 * (section * (self.partitions + 1) + partition))
            first, stop = np.frombuffer(file.read(16), np.int64).tolist()
            size = self.row.itemsize
            file.seek(8 * self.sections * (self.partitions + 1) + size * first)
            return np.frombuffer(file.read(size * (stop - first)), self.row)
