"""Sequences that split no document that fits: best-fit decreasing.

    documents   aaaaa bb c ddd      sequences of 4    aaaa | a ddd | bb c

Ding et al. 2024, 'Fewer Truncations Improve Language Modeling' (arXiv 2404.10830), section 3: a
document longer than a sequence is split into full sequences and a remainder; then pieces are packed
in order of decreasing length, into the fullest sequence that still has space. Nothing is dropped.

Choices:
- Pieces of equal length are packed together, as are sequences with equal space. A sequence that
  takes one piece of a length is the best fit for the next one too, until its space is used up. So
  the work grows with the number of distinct lengths, and the work per piece is done by numpy.
- Of equal pieces the first in document order is packed first; of sequences with equal space, the
  one that has had it for longest.
- Sequences are ordered by their first pieces, and pieces in a sequence by document order: a reader
  of only the first sequences must not get only the longest documents.
"""

from collections import defaultdict, deque

import numpy as np
from numpy.typing import NDArray

from lmkit.packing.chunking import concatenated_ranges, one_document_per_sequence


def best_fit(
    lengths: NDArray[np.int64], sequence_length: int
) -> tuple[NDArray[np.int64], NDArray[np.void]]:
    """Pack documents into sequences of `sequence_length`, splitting only those that are longer.

    >>> row_starts, pieces = best_fit(np.array([5, 2, 1, 3]), 4)
    >>> row_starts.tolist(), pieces["document"].tolist(), pieces["length"].tolist()
    ([0, 1, 3, 5], [0, 0, 3, 1, 2], [4, 1, 3, 2, 1])
    """
    _, pieces = one_document_per_sequence(lengths, sequence_length)
    rows = best_fit_rows(pieces["length"].astype(np.int64), sequence_length)
    counts = np.bincount(rows).astype(np.int64, copy=False)
    starts = np.cumsum(counts) - counts
    by_row = np.argsort(rows, kind="stable")
    row_order = np.argsort(by_row[starts])  # by the first pieces of the sequences
    counts, starts = counts[row_order], starts[row_order]
    order = by_row[np.repeat(starts, counts) + concatenated_ranges(counts)]
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]), pieces[order]


def best_fit_rows(lengths: NDArray[np.int64], sequence_length: int) -> NDArray[np.int64]:
    """Return the sequences of pieces; sequences are numbered as they are opened.

    No piece may be empty or longer than a sequence.

    >>> best_fit_rows(np.array([2, 3, 1, 2]), 4).tolist()
    [1, 0, 0, 1]
    """
    spaces = _OpenSequences(sequence_length)
    by_length = np.argsort(-lengths, kind="stable")
    counts = np.bincount(lengths, minlength=1)
    sorted_rows = np.empty(len(lengths), np.int64)
    packed = 0
    for length in np.flatnonzero(counts)[::-1].tolist():
        left = int(counts[length])
        while left:
            space = spaces.best_fitting(length)
            per_row = min(space // length, left)  # pieces that one sequence takes
            rows = spaces.take(space, left // per_row)
            spaces.add(space - per_row * length, rows)
            stop = packed + per_row * len(rows)
            sorted_rows[packed:stop] = np.repeat(rows, per_row)
            packed, left = stop, left - per_row * len(rows)
    found = np.empty(len(lengths), np.int64)
    found[by_length] = sorted_rows
    return found


class _OpenSequences:
    """Open sequences by their remaining space; the number of empty ones is unlimited."""

    def __init__(self, sequence_length: int) -> None:
        self._sequence_length = sequence_length
        self._opened = 0
        self._rows: defaultdict[int, deque[NDArray[np.int64]]] = defaultdict(deque)
        self._occupied = 0
        """One bit per space that some sequence has: Python finds the next one in one operation."""

    def best_fitting(self, length: int) -> int:
        """Return the space of the fullest sequence that a piece fits in."""
        enough = self._occupied >> length
        if not enough:
            return self._sequence_length
        return length + (enough & -enough).bit_length() - 1

    def take(self, space: int, max_count: int) -> NDArray[np.int64]:
        """Remove and return sequences with this space, first those that have had it for longest."""
        queue = self._rows[space]
        if not queue:
            self._opened += max_count
            return np.arange(self._opened - max_count, self._opened)
        first = queue.popleft()
        if len(first) > max_count:
            queue.appendleft(first[max_count:])
        if not queue:
            self._occupied ^= 1 << space
        return first[:max_count]

    def add(self, space: int, rows: NDArray[np.int64]) -> None:
        """Add sequences with their new space; full ones are complete."""
        if space:
            self._rows[space].append(rows)
            self._occupied |= 1 << space
