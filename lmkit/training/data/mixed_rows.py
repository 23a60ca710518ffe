"""The sequences of several packed folders as one: which of them a step reads, and reading them.

Choices:
- A pure function of (seed, step), as with one folder (`sequence_order`): how many sequences a
  folder has given before a step determines the offset in its endless stream of permutations.
- Within a batch the sequences are shuffled, or one folder would always be on the same rank.
- Each folder's permutations have a separate seed: two folders of equal size must not be read in the
  same order.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from lmkit.counter_rng import draw
from lmkit.packing.token_rows import SequenceBatch, TokenSequences
from lmkit.training.data.batch_sizes import BatchRange
from lmkit.training.data.mixture import rows_so_far
from lmkit.training.data.sequence_order import rows_at


class MixedRows:
    """Sequences of several folders, numbered one folder after the other."""

    def __init__(self, folders: Sequence[TokenSequences], fractions: Sequence[Fraction]) -> None:
        self._folders, self._shares = folders, fractions
        self._first = np.cumsum([0, *map(len, folders)])

    @property
    def sequence_length(self) -> int:
        """Tokens in a sequence, of any folder."""
        return self._folders[0].sequence_length

    def __len__(self) -> int:
        return int(self._first[-1])

    def order(self, seed: int, batch: BatchRange, rows: int) -> NDArray[np.int64]:
        """Return the sequences that a batch of a run reads; `rows` is the number of all."""
        assert rows == len(self), "these are other rows"
        before = rows_so_far(batch.start, self._shares)
        after = rows_so_far(batch.start + batch.rows, self._shares)
        rows_by_folder = [
            self._first[number] + rows_at(draw(seed, number, 0), start, stop - start, len(folder))
            for number, (folder, start, stop) in enumerate(
                zip(self._folders, before, after, strict=True)
            )
            if stop > start
        ]
        shuffle = rows_at(draw(seed, batch.number, 1), 0, batch.rows, batch.rows)
        return np.concatenate(rows_by_folder)[shuffle]

    def read(self, rows: NDArray[np.int64]) -> SequenceBatch:
        """Read the sequences with these numbers, in this order."""
        folders_B = np.searchsorted(self._first, rows, side="right") - 1
        folders_read = np.unique(folders_B)
        parts = [
            self._folders[number].read(rows[folders_B == number] - self._first[number])
            for number in folders_read
        ]
        positions_B = np.argsort(
            np.concatenate([np.flatnonzero(folders_B == n) for n in folders_read])
        )
        fields = vars(parts[0])
        return SequenceBatch(
            **{
                name: np.concatenate([vars(part)[name] for part in parts])[positions_B]
                for name in fields
            }
        )
