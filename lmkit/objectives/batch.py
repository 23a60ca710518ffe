"""A batch: the output of an objective and the input of a model.

Choices:
- The fields have the names of the model's arguments, so that nothing has to translate them. A
  field that an objective doesn't use is None, and isn't passed to the model.
- NumPy arrays: batches are made in threads and processes that don't need torch.

Shapes: B batch, T time, S source positions, Q queries.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmkit.packing.token_rows import NO_TARGET, SequenceBatch


@dataclass(frozen=True)
class Batch:
    """Inputs and targets of B sequences."""

    tokens_BT: NDArray[np.int64]
    positions_BT: NDArray[np.int64]
    """Each token's position in its document, from 0."""
    targets_BT: NDArray[np.int64]
    """The token to predict at each position; NO_TARGET where there is none.

    With `queries_BQ` it has that shape, and holds the tokens in those columns."""
    documents_BT: NDArray[np.int32] | None = None
    """Documents of a sequence, which don't attend to one another; None where no mask is needed."""

    source_tokens_BS: NDArray[np.int64] | None = None
    """The input of an encoder-decoder's encoder."""
    source_positions_BS: NDArray[np.int64] | None = None
    source_documents_BS: NDArray[np.int32] | None = None
    """Documents of the source, numbered as in `documents_BT`, which attend only to these."""

    order_BT: NDArray[np.int64] | None = None
    """The rank of a target, which attends to lower ranks; -1 where all positions may attend."""
    queries_BQ: NDArray[np.int64] | None = None
    """The columns that are predicted, in ascending order; 0 where a sequence has fewer."""

    dropped: int = 0
    """Text tokens of the sequences that are neither in the inputs nor in the targets."""

    @property
    def targets(self) -> int:
        """Number of tokens to predict: the denominator of a summed loss."""
        return int(np.count_nonzero(self.targets_BT != NO_TARGET))

    def tensors(self, device: torch.device | str = "cpu") -> dict[str, Tensor]:
        """Return the model's arguments by name, on a device."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: torch.from_numpy(np.ascontiguousarray(array)).to(device)
            for name, array in arrays.items()
            if isinstance(array, np.ndarray)
        }


MakeBatch = Callable[[SequenceBatch, NDArray[np.uint64]], Batch]
"""Sequences and the keys of their random numbers in, a batch out."""


def documents_unless_all_first(documents_BT: NDArray[np.int32]) -> NDArray[np.int32] | None:
    """Return document numbers, or None if every sequence is one full document and needs no mask.

    >>> documents_unless_all_first(np.array([[1, 1], [1, 1]])) is None
    True
    """
    return None if (documents_BT == 1).all() else documents_BT
