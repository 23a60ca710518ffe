"""Documents of different lengths in flat arrays: split into pieces, joined from spans of tokens.

Legend: B sequences, T positions, W positions of a new sequence, P pieces (documents, or parts of
them), N tokens of their text, K spans, M joined tokens.

Choice: no loop over sequences or documents. A span is a start and a length in one long array,
special tokens such as <mask> are spans of length 1 after the text, and one gather takes them all.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lmkit.packing.chunking import concatenated_ranges
from lmkit.packing.token_rows import SequenceBatch

NumberT = TypeVar("NumberT", np.int64, np.int32, np.float64, np.bool_)


@dataclass(frozen=True)
class Text:
    """The text of the pieces of some sequences, concatenated."""

    indices_N: NDArray[np.int64]
    """The index of each token in the flattened sequences."""
    rows_P: NDArray[np.int64]
    numbers_P: NDArray[np.int64]
    """The number of the piece in its sequence, from 1; a piece without any text is left out."""
    lengths_P: NDArray[np.int64]

    @property
    def starts_P(self) -> NDArray[np.int64]:  # noqa: N802
        """The first token of each piece."""
        return np.cumsum(self.lengths_P) - self.lengths_P

    @property
    def pieces_N(self) -> NDArray[np.int64]:  # noqa: N802
        """The piece of each token."""
        return np.repeat(np.arange(len(self.lengths_P)), self.lengths_P)

    def select(self, chosen_P: NDArray[np.bool_]) -> "Text":
        """Keep some of the pieces."""
        return Text(
            self.indices_N[np.repeat(chosen_P, self.lengths_P)],
            self.rows_P[chosen_P],
            self.numbers_P[chosen_P],
            self.lengths_P[chosen_P],
        )


def text_of(rows: SequenceBatch, is_text_BT: NDArray[np.bool_]) -> Text:
    """Find the tokens that are text, per piece.

    A piece may have other tokens between its text.
    """
    width = rows.tokens_BT.shape[1]
    indices_N = np.flatnonzero(is_text_BT & (rows.documents_BT > 0))
    rows_N, numbers_N = indices_N // width, rows.documents_BT.ravel()[indices_N].astype(np.int64)
    is_first_N = np.ones(len(indices_N), np.bool_)
    is_first_N[1:] = (np.diff(rows_N) != 0) | (np.diff(numbers_N) != 0)
    firsts_P = np.flatnonzero(is_first_N)
    lengths_P = np.diff(np.append(firsts_P, len(indices_N)))
    return Text(indices_N, rows_N[firsts_P], numbers_P=numbers_N[firsts_P], lengths_P=lengths_P)


def gather_spans(
    pool: NDArray[np.int64], starts_K: NDArray[np.int64], lengths_K: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Concatenate spans of a long array.

    >>> gather_spans(np.array([10, 11, 12, 13]), np.array([2, 0]), np.array([2, 1])).tolist()
    [12, 13, 10]
    """
    return pool[np.repeat(starts_K, lengths_K) + concatenated_ranges(lengths_K)]


def ranks(values_N: NDArray[Any], counts_P: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many values of its group are smaller than each value; groups are contiguous.

    >>> ranks(np.array([0.5, 0.1, 0.9, 0.3, 0.2]), np.array([3, 2])).tolist()
    [1, 0, 2, 1, 0]
    """
    groups_N = np.repeat(np.arange(len(counts_P)), counts_P)
    ranks_N = np.empty(len(values_N), np.int64)
    ranks_N[np.lexsort((values_N, groups_N))] = concatenated_ranges(counts_P)
    return ranks_N


@dataclass(frozen=True)
class Layout:
    """The layout of documents of these lengths, concatenated in each sequence."""

    rows_P: NDArray[np.int64]
    numbers_P: NDArray[np.int64]
    lengths_P: NDArray[np.int64]

    @property
    def positions_M(self) -> NDArray[np.int64]:  # noqa: N802
        """0, 1, 2, ... from the start of each document."""
        return concatenated_ranges(self.lengths_P)

    @property
    def columns_P(self) -> NDArray[np.int64]:  # noqa: N802
        """Column of each document's first token."""
        before_P = np.cumsum(self.lengths_P) - self.lengths_P
        return before_P - before_P[np.searchsorted(self.rows_P, self.rows_P)]

    @property
    def width(self) -> int:
        """Length of the longest sequence."""
        return int((self.columns_P + self.lengths_P).max(initial=0))

    def scatter(
        self, values_M: NDArray[NumberT], fill: int, shape: tuple[int, int]
    ) -> NDArray[NumberT]:
        """Put the values of all tokens at their positions, and `fill` where there is none."""
        values_BW = np.full(shape, fill, values_M.dtype)
        first_P = self.rows_P * shape[1] + self.columns_P
        values_BW.ravel()[np.repeat(first_P, self.lengths_P) + self.positions_M] = values_M
        return values_BW

    def documents(self, shape: tuple[int, int]) -> NDArray[np.int32]:
        """Return the document number at each position; 0 at padding."""
        return self.scatter(np.repeat(self.numbers_P.astype(np.int32), self.lengths_P), 0, shape)

    def positions(self, shape: tuple[int, int]) -> NDArray[np.int64]:
        """Return the position in its document at each column; 0 at padding."""
        return self.scatter(self.positions_M, 0, shape)
