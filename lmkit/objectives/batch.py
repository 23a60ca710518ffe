"""What an objective makes of rows, and a model takes.

Choices:
- The fields bear the names of the model's arguments, so that nothing stands between the two.
- Arrays of numpy: batches are made in threads and processes that have no use for torch's.

Shapes: B batch, T time.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmkit.tokens.rows import NO_TARGET


@dataclass(frozen=True)
class Batch:
    """Inputs and targets of B rows."""

    tokens_BT: NDArray[np.int64]
    positions_BT: NDArray[np.int64]
    """Each token's place in its document, from 0."""
    targets_BT: NDArray[np.int64]
    """What the model should say at each place; NO_TARGET where nothing is asked."""
    documents_BT: NDArray[np.int32] | None
    """Documents of a row, which must not see one another; None where each row has one at most."""

    @property
    def targets(self) -> int:
        """How many tokens are to be predicted: what a summed loss is divided by."""
        return int(np.count_nonzero(self.targets_BT != NO_TARGET))

    def tensors(self, device: torch.device | str = "cpu") -> dict[str, Tensor | None]:
        """Return the model's arguments by name, on a device."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: None if array is None else torch.from_numpy(array).to(device)
            for name, array in arrays.items()
        }
