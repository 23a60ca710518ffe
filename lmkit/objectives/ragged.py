"""Documents taken apart, and put together anew from stretches of their tokens.

Legend: B rows, T places in a row, W places in a new row, P pieces (documents, or parts of them),
N tokens of their text, K stretches, M tokens of what is put together.

Choice: no loop over rows or documents. A stretch is a start and a length in one long array, marks
such as <mask> are stretches of length 1 behind the text, and one gather takes them all.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lmkit.packing.chunking import counting
from lmkit.packing.token_rows import Rows

NumberT = TypeVar("NumberT", np.int64, np.int32, np.float64, np.bool_)


@dataclass(frozen=True)
class Text:
    """What the pieces of some rows say, one behind the other."""

    places_N: NDArray[np.int64]
    """Where each token stands in the rows, which are laid end to end."""
    rows_P: NDArray[np.int64]
    numbers_P: NDArray[np.int64]
    """Which piece of its row it is, from 1; a piece without any text is left out."""
    lengths_P: NDArray[np.int64]

    @property
    def starts_P(self) -> NDArray[np.int64]:  # noqa: N802
        """The first token of each piece."""
        return np.cumsum(self.lengths_P) - self.lengths_P

    @property
    def pieces_N(self) -> NDArray[np.int64]:  # noqa: N802
        """The piece of each token."""
        return np.repeat(np.arange(len(self.lengths_P)), self.lengths_P)

    def only(self, chosen_P: NDArray[np.bool_]) -> "Text":
        """Keep some of the pieces."""
        return Text(
            self.places_N[np.repeat(chosen_P, self.lengths_P)],
            self.rows_P[chosen_P],
            self.numbers_P[chosen_P],
            self.lengths_P[chosen_P],
        )


def text_of(rows: Rows, is_text_BT: NDArray[np.bool_]) -> Text:
    """Find the tokens that are text, piece by piece.

    A piece is one even where other tokens stand between its text.
    """
    width = rows.tokens_BT.shape[1]
    places_N = np.flatnonzero(is_text_BT & (rows.documents_BT > 0))
    rows_N, numbers_N = places_N // width, rows.documents_BT.ravel()[places_N].astype(np.int64)
    changes_N = np.ones(len(places_N), np.bool_)
    changes_N[1:] = (np.diff(rows_N) != 0) | (np.diff(numbers_N) != 0)
    firsts_P = np.flatnonzero(changes_N)
    lengths_P = np.diff(np.append(firsts_P, len(places_N)))
    return Text(places_N, rows_N[firsts_P], numbers_P=numbers_N[firsts_P], lengths_P=lengths_P)


def join(
    pool: NDArray[np.int64], starts_K: NDArray[np.int64], lengths_K: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Take stretches of a long array, one behind the other.

    >>> join(np.array([10, 11, 12, 13]), np.array([2, 0]), np.array([2, 1])).tolist()
    [12, 13, 10]
    """
    return pool[np.repeat(starts_K, lengths_K) + counting(lengths_K)]


def ranks(values_N: NDArray[Any], counts_P: NDArray[np.int64]) -> NDArray[np.int64]:
    """Say how many values of its group are smaller than each one; a group's stand together.

    >>> ranks(np.array([0.5, 0.1, 0.9, 0.3, 0.2]), np.array([3, 2])).tolist()
    [1, 0, 2, 1, 0]
    """
    groups_N = np.repeat(np.arange(len(counts_P)), counts_P)
    found_N = np.empty(len(values_N), np.int64)
    found_N[np.lexsort((values_N, groups_N))] = counting(counts_P)
    return found_N


@dataclass(frozen=True)
class Layout:
    """Where the tokens of documents of these lengths lie, when each row's stand end to end."""

    rows_P: NDArray[np.int64]
    numbers_P: NDArray[np.int64]
    lengths_P: NDArray[np.int64]

    @property
    def positions_M(self) -> NDArray[np.int64]:  # noqa: N802
        """0, 1, 2, ... from the start of each document."""
        return counting(self.lengths_P)

    @property
    def columns_P(self) -> NDArray[np.int64]:  # noqa: N802
        """Column of each document's first token."""
        before_P = np.cumsum(self.lengths_P) - self.lengths_P
        return before_P - before_P[np.searchsorted(self.rows_P, self.rows_P)]

    @property
    def width(self) -> int:
        """Places that the longest row needs."""
        return int((self.columns_P + self.lengths_P).max(initial=0))

    def spread(
        self, values_M: NDArray[NumberT], fill: int, shape: tuple[int, int]
    ) -> NDArray[NumberT]:
        """Put the values of all tokens in their places, and `fill` where there is none."""
        spread_BW = np.full(shape, fill, values_M.dtype)
        first_P = self.rows_P * shape[1] + self.columns_P
        spread_BW.ravel()[np.repeat(first_P, self.lengths_P) + self.positions_M] = values_M
        return spread_BW

    def documents(self, shape: tuple[int, int]) -> NDArray[np.int32]:
        """Say which document each place belongs to; 0 at padding."""
        return self.spread(np.repeat(self.numbers_P.astype(np.int32), self.lengths_P), 0, shape)

    def positions(self, shape: tuple[int, int]) -> NDArray[np.int64]:
        """Say how far from its document's start each place is; 0 at padding."""
        return self.spread(self.positions_M, 0, shape)
