"""Which documents are removed, and the representative of each, on disk.

Choice: rows in the order of their numbers, 24 bytes each. A task reads only its own rows, and any
other document is found by binary search: none of it is held in memory.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
ROW = np.dtype([("number", "<i8"), ("kept", "<i8"), ("similarity", "<f8")])
NO_REPRESENTATIVE = -1
"""Stands for no document: the document is removed without a representative."""


def write_removals(path: Path, rows: Iterable[tuple[int, int, float]]) -> None:
    """Write rows of number, number of the representative, and similarity."""
    write_removal_rows(path, np.array(list(rows), ROW))


def write_removal_rows(path: Path, rows: NDArray[Any]) -> None:
    """Write rows in the order of their numbers, of which each occurs once."""
    path.write_bytes(rows[np.argsort(rows["number"])].tobytes())


class Removals:
    """Files of such rows; a document is in at most one of them."""

    row = ROW

    def __init__(self, paths: Sequence[Path]) -> None:
        # As plain arrays: a memmap costs several microseconds for each row that is looked up.
        self.parts: list[NDArray[Any]] = [
            np.memmap(path, ROW, "r").view(np.ndarray) for path in paths if path.stat().st_size
        ]

    def get(self, number: int) -> tuple[int, float] | None:
        """Return the representative of a document and their similarity; None if it is kept."""
        for part in self.parts:
            index = int(np.searchsorted(part["number"], number))
            if index < len(part) and part["number"][index] == number:
                return int(part["kept"][index]), float(part["similarity"][index])
        return None

    def representatives(self, numbers: Numbers) -> Numbers:
        """Return the representative of each document: itself, if it is kept."""
        return self.with_similarities(numbers)[0]

    def with_similarities(self, numbers: Numbers) -> tuple[Numbers, NDArray[np.float64]]:
        """Return the representative of each document, and how similar it is; 1 to itself."""
        found, similarities = numbers.copy(), np.ones(len(numbers))
        for part in self.parts:
            indices = np.minimum(np.searchsorted(part["number"], numbers), len(part) - 1)
            matches = part["number"][indices] == numbers
            found[matches] = part["kept"][indices[matches]]
            similarities[matches] = part["similarity"][indices[matches]]
        return found, similarities

    def kept_for(self, start: int, stop: int) -> dict[int, int]:
        """Return the representatives of the documents of a range that are in the table."""
        found: dict[int, int] = {}
        for part in self.parts:
            rows = part[slice(*np.searchsorted(part["number"], [start, stop]))]
            found.update(zip(rows["number"].tolist(), rows["kept"].tolist(), strict=True))
        return found

    def numbers(self, start: int, stop: int) -> Numbers:
        """Return the documents that are removed, of a range of numbers; unordered."""
        found = [np.empty(0, np.int64)]
        for part in self.parts:
            first, last = np.searchsorted(part["number"], [start, stop])
            found.append(np.array(part["number"][first:last]))
        return np.concatenate(found)


def removed_in(tables: Iterable[Removals], start: int, stop: int) -> Numbers:
    """Return the documents of a range of numbers that are in any of some tables."""
    return np.concatenate(
        [np.empty(0, np.int64), *(table.numbers(start, stop) for table in tables)]
    )


def duplicates_in(tables: Iterable[Removals], start: int, stop: int) -> Numbers:
    """Return those of a range of numbers that are removed, or kept and labelled as duplicates."""
    found = [np.empty(0, np.int64)]
    for table in tables:
        for part in table.parts:
            rows = part[slice(*np.searchsorted(part["number"], [start, stop]))]
            found.append(rows["number"][rows["number"] != rows["kept"]])
    return np.concatenate(found)


class Verdicts:
    """What the matchers have decided about the documents of a task, `first` to `stop`.

    If the representative of a document is removed by a later matcher, the representative of that
    one stands for both.
    """

    def __init__(self, tables: Sequence[tuple[str, Removals]], first: int, stop: int) -> None:
        self._reasons: dict[int, str] = {}
        for reason, table in reversed(tables):
            self._reasons |= dict.fromkeys(table.numbers(first, stop).tolist(), reason)
        numbers = np.array(list(self._reasons), np.int64)
        kept, similarities = numbers, np.ones(len(numbers))
        for _, table in tables:
            kept, found = table.with_similarities(kept)
            similarities = np.minimum(similarities, found)
        pairs = zip(kept.tolist(), similarities.tolist(), strict=True)
        self._representatives = dict(zip(self._reasons, pairs, strict=True))

    def reason(self, number: int) -> str | None:
        """Return why a document is removed."""
        return self._reasons.get(number)

    def representative(self, number: int) -> tuple[int, float]:
        """Return the representative of a document that is removed, and their similarity."""
        return self._representatives[number]
