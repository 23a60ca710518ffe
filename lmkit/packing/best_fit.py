"""Rows that cut no document that fits: best-fit decreasing.

    documents   aaaaa bb c ddd      rows of 4    aaaa | a ddd | bb c

Ding et al. 2024, 'Fewer Truncations Improve Language Modeling' (arXiv 2404.10830), section 3: a
document longer than a row is cut in rows and a rest; then the longest piece is placed first, each
in the fullest row that still has room for it. Nothing is dropped.

Choices:
- Pieces of equal length are placed together, as are rows with equal room. A row that takes one
  piece of a length is the best fit for the next one too, until it has no more room for it. So the
  work grows with the number of lengths that occur, and what is done for each piece is numpy's.
- Of equal pieces the one that lies first goes first; of rows with equal room, the one that has had
  it for longest.
- Rows are put in the order of their first pieces, and pieces in a row in the order in which they
  lie: whoever reads only the first rows must not get only the longest documents.
"""

from collections import defaultdict, deque

import numpy as np
from numpy.typing import NDArray

from lmkit.packing.chunking import counting, one_document_per_sequence


def best_fit(
    lengths: NDArray[np.int64], sequence_length: int
) -> tuple[NDArray[np.int64], NDArray[np.void]]:
    """Place documents in rows of `sequence_length`, cutting only those that are longer.

    >>> row_starts, pieces = best_fit(np.array([5, 2, 1, 3]), 4)
    >>> row_starts.tolist(), pieces["document"].tolist(), pieces["length"].tolist()
    ([0, 1, 3, 5], [0, 0, 3, 1, 2], [4, 1, 3, 2, 1])
    """
    _, pieces = one_document_per_sequence(lengths, sequence_length)
    rows = best_fitting_rows(pieces["length"].astype(np.int64), sequence_length)
    counts = np.bincount(rows).astype(np.int64, copy=False)
    starts = np.cumsum(counts) - counts
    by_row = np.argsort(rows, kind="stable")
    in_turn = np.argsort(by_row[starts])  # by the first piece of each row
    counts, starts = counts[in_turn], starts[in_turn]
    order = by_row[np.repeat(starts, counts) + counting(counts)]
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]), pieces[order]


def best_fitting_rows(lengths: NDArray[np.int64], sequence_length: int) -> NDArray[np.int64]:
    """Find the row of each piece; rows are numbered as they are opened.

    No piece may be empty or longer than a row.

    >>> best_fitting_rows(np.array([2, 3, 1, 2]), 4).tolist()
    [1, 0, 0, 1]
    """
    rooms = _Rooms(sequence_length)
    by_length = np.argsort(-lengths, kind="stable")
    counts = np.bincount(lengths, minlength=1)
    rows_in_turn = np.empty(len(lengths), np.int64)
    placed = 0
    for length in np.flatnonzero(counts)[::-1].tolist():
        left = int(counts[length])
        while left:
            room = rooms.smallest(length)
            each = min(room // length, left)  # pieces that one row takes
            rows = rooms.take(room, left // each)
            rooms.give(room - each * length, rows)
            stop = placed + each * len(rows)
            rows_in_turn[placed:stop] = np.repeat(rows, each)
            placed, left = stop, left - each * len(rows)
    found = np.empty(len(lengths), np.int64)
    found[by_length] = rows_in_turn
    return found


class _Rooms:
    """Rows by the room that is left in them; empty rows never run out."""

    def __init__(self, sequence_length: int) -> None:
        self._sequence_length = sequence_length
        self._opened = 0
        self._rows: defaultdict[int, deque[NDArray[np.int64]]] = defaultdict(deque)
        self._some = 0
        """A bit for each room that some row has: Python finds the next one at once."""

    def smallest(self, length: int) -> int:
        """Find the room of the fullest row that takes a piece."""
        enough = self._some >> length
        if not enough:
            return self._sequence_length
        return length + (enough & -enough).bit_length() - 1

    def take(self, room: int, most: int) -> NDArray[np.int64]:
        """Take rows with this room, those first that have had it for longest."""
        queue = self._rows[room]
        if not queue:
            self._opened += most
            return np.arange(self._opened - most, self._opened)
        first = queue.popleft()
        if len(first) > most:
            queue.appendleft(first[most:])
        if not queue:
            self._some ^= 1 << room
        return first[:most]

    def give(self, room: int, rows: NDArray[np.int64]) -> None:
        """Put rows where their room is now; full ones are done with."""
        if room:
            self._rows[room].append(rows)
            self._some |= 1 << room
