"""Which documents go, and for each the one that stays for it, on disk.

Choice: rows in the order of their numbers, 24 bytes each. A task reads only its own rows, and any
other document is found by bisection: nothing here takes memory.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
ROW = np.dtype([("number", "<i8"), ("kept", "<i8"), ("similarity", "<f8")])
NOBODY = -1
"""Stands for no document: it goes, and none stays for it."""


def write_removals(path: Path, rows: Iterable[tuple[int, int, float]]) -> None:
    """Write rows of number, number of the one that stays, and similarity."""
    table = np.array(sorted(rows), ROW)
    path.write_bytes(table.tobytes())


class Removals:
    """Files of such rows; a document is in one of them at most."""

    row = ROW

    def __init__(self, paths: Sequence[Path]) -> None:
        self.parts: list[NDArray[Any]] = [
            np.memmap(path, ROW, "r") for path in paths if path.stat().st_size
        ]

    def get(self, number: int) -> tuple[int, float] | None:
        """Return who stays for a document, and how similar they are; None if itself stays."""
        for part in self.parts:
            place = int(np.searchsorted(part["number"], number))
            if place < len(part) and part["number"][place] == number:
                return int(part["kept"][place]), float(part["similarity"][place])
        return None

    def stays(self, numbers: Numbers) -> Numbers:
        """Return who stays for each of some documents: itself, if it does."""
        found = numbers.copy()
        for part in self.parts:
            places = np.minimum(np.searchsorted(part["number"], numbers), len(part) - 1)
            here = part["number"][places] == numbers
            found[here] = part["kept"][places[here]]
        return found

    def numbers(self, start: int, stop: int) -> Numbers:
        """Return those that go of a range of numbers, in no order."""
        found = [np.empty(0, np.int64)]
        for part in self.parts:
            first, last = np.searchsorted(part["number"], [start, stop])
            found.append(np.array(part["number"][first:last]))
        return np.concatenate(found)


def numbers_of(tables: Iterable[Removals], start: int, stop: int) -> Numbers:
    """Return those of a range of numbers that go by any of some tables."""
    return np.concatenate(
        [np.empty(0, np.int64), *(table.numbers(start, stop) for table in tables)]
    )


def repeating(tables: Iterable[Removals], start: int, stop: int) -> Numbers:
    """Return those of a range of numbers that go, or only repeat another and are marked with it."""
    found = [np.empty(0, np.int64)]
    for table in tables:
        for part in table.parts:
            rows = part[slice(*np.searchsorted(part["number"], [start, stop]))]
            found.append(rows["number"][rows["number"] != rows["kept"]])
    return np.concatenate(found)


class Verdicts:
    """What the passes have found about the documents of a task, `first` to `stop`.

    Where the one that stays for a document goes by a later pass, the one that stays for that stays
    for both.
    """

    def __init__(self, tables: Sequence[tuple[str, Removals]], first: int, stop: int) -> None:
        self._tables = tables
        self._reasons: dict[int, str] = {}
        for reason, table in reversed(tables):
            self._reasons |= dict.fromkeys(table.numbers(first, stop).tolist(), reason)

    def reason(self, number: int) -> str | None:
        """Return why a document goes."""
        return self._reasons.get(number)

    def stays(self, number: int) -> tuple[int, float]:
        """Return which document stays for one that goes, and how similar they are."""
        alike = 1.0
        for _, table in self._tables:
            if row := table.get(number):
                number, alike = row[0], min(alike, row[1])
        return number, alike
