"""Causal language modelling: predict the next token at each position.

Choices:
- The target of a sequence's last position is its document's next token, in whichever sequence that
  is: over an epoch every token but a document's first is a target exactly once.
- Sequences of at most one document have no document numbers, since a causal model needs no mask for
  them. Padding comes after the document, where no target attends to it.
"""

import numpy as np
from numpy.typing import NDArray

from lmkit.objectives.batch import Batch
from lmkit.packing.token_rows import SequenceBatch


def clm(rows: SequenceBatch, _keys_B: NDArray[np.uint64] | None = None) -> Batch:
    """Make a batch for a decoder; nothing about it is random."""
    several = bool((rows.documents_BT > 1).any())
    return Batch(
        tokens_BT=rows.tokens_BT,
        positions_BT=rows.positions_BT,
        targets_BT=rows.following_BT,
        documents_BT=rows.documents_BT if several else None,
    )
