"""Causal language modelling: say at each place which token follows.

Choices:
- The target of a row's last place is its document's next token, wherever the document goes on: over
  a pass every token but a document's first is a target exactly once.
- Rows that hold one document at most are passed on without their borders, which a causal model
  then needs no mask for. Padding stands behind the document, where no target can see it.
"""

import numpy as np
from numpy.typing import NDArray

from lmkit.objectives.batch import Batch
from lmkit.packing.token_rows import Rows


def clm(rows: Rows, _keys_B: NDArray[np.uint64] | None = None) -> Batch:
    """Make a batch for a decoder; nothing about it is random."""
    several = bool((rows.documents_BT > 1).any())
    return Batch(
        tokens_BT=rows.tokens_BT,
        positions_BT=rows.positions_BT,
        targets_BT=rows.following_BT,
        documents_BT=rows.documents_BT if several else None,
    )
