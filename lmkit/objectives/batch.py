"""What an objective makes of rows, and a model takes.

Choices:
- The fields bear the names of the model's arguments, so that nothing stands between the two. What
  an objective has no use for is None, and the model isn't told of it.
- Arrays of numpy: batches are made in threads and processes that have no use for torch's.

Shapes: B batch, T time, S places of the source, Q places that are asked for.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmkit.packing.token_rows import NO_TARGET


@dataclass(frozen=True)
class Batch:
    """Inputs and targets of B rows."""

    tokens_BT: NDArray[np.int64]
    positions_BT: NDArray[np.int64]
    """Each token's place in its document, from 0."""
    targets_BT: NDArray[np.int64]
    """What the model should say at each place; NO_TARGET where nothing is asked. With `queries_BQ`
    it is of that shape, and says what stands at those columns."""
    documents_BT: NDArray[np.int32] | None = None
    """Documents of a row, which must not see one another; None where the model needs no borders."""

    source_tokens_BS: NDArray[np.int64] | None = None
    """What an encoder reads before a decoder says the rest."""
    source_positions_BS: NDArray[np.int64] | None = None
    source_documents_BS: NDArray[np.int32] | None = None
    """Documents of the source, numbered as in `documents_BT`: one sees only its own."""

    order_BT: NDArray[np.int64] | None = None
    """When a place is predicted, after those of lower numbers; -1 where everyone may see it."""
    queries_BQ: NDArray[np.int64] | None = None
    """The columns that are predicted, in rising order; 0 where a row has fewer."""

    dropped: int = 0
    """Text tokens of the rows that are neither in the inputs nor in the targets."""

    @property
    def targets(self) -> int:
        """How many tokens are to be predicted: what a summed loss is divided by."""
        return int(np.count_nonzero(self.targets_BT != NO_TARGET))

    def tensors(self, device: torch.device | str = "cpu") -> dict[str, Tensor]:
        """Return the model's arguments by name, on a device."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: torch.from_numpy(np.ascontiguousarray(array)).to(device)
            for name, array in arrays.items()
            if isinstance(array, np.ndarray)
        }


def borders(documents_BT: NDArray[np.int32]) -> NDArray[np.int32] | None:
    """Return the borders that a model needs which sees all of its row; None if it needs none.

    >>> borders(np.array([[1, 1], [1, 1]])) is None
    True
    """
    return None if (documents_BT == 1).all() else documents_BT
