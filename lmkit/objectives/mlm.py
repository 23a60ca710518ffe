"""Masked language modelling: say which tokens were hidden, from all that stands around them.

Devlin et al. 2019, arXiv 1810.04805, section 3.1: of the places that are chosen 80% show <mask>,
10% another token, 10% their own. Masks are drawn anew each time a row is read (Liu et al. 2019,
arXiv 1907.11692, section 4.1).

Choices:
- Each place is chosen by a number of its own, independently of all others. BERT chose a count for
  each row, at least one; that rounds, so that short documents are asked too much, and ties a place
  to its neighbours. A row may so have no target at all, which costs nothing: the loss is a sum,
  divided by the targets of the whole batch.
- With whole words it is words that are chosen, with the same share: all tokens of a word share its
  first one's number. What each of them then shows is drawn for it alone, as in BERT's code.
- Special tokens are never chosen, nor shown in place of another token. (Transformers' collator
  draws from the whole vocabulary.)
- A token that is drawn may be the one that stood there, as in BERT's code.

Shapes: B rows, T places, V vocabulary.
"""

import numpy as np
from numpy.typing import NDArray

from lmkit.counter_rng import uniform
from lmkit.objectives.batch import Batch, borders
from lmkit.packing.token_rows import NO_TARGET, Rows
from lmkit.tokenizers.word_boundaries import Words

CHOOSE, SHOW, REPLACE = range(3)
"""What a place's random numbers are for."""

MASKED, REPLACED = 0.8, 0.1


def mlm(
    rows: Rows,
    keys_B: NDArray[np.uint64],
    mask: int,
    is_ordinary_V: NDArray[np.bool_],
    share: float = 0.15,
    words: Words | None = None,
) -> Batch:
    """Make a batch for an encoder.

    Args:
        rows: of the text.
        keys_B: what the random numbers of each row follow from.
        mask: id of the mask token.
        is_ordinary_V: which tokens may be chosen, and shown in place of another.
        share: how many of them are chosen.
        words: where words begin; None: choose tokens.

    """
    tokens_BT, width = rows.tokens_BT, rows.tokens_BT.shape[1]
    chance_BT = uniform(keys_B, CHOOSE, width)
    if words is not None:
        firsts_BT = words.first_places(tokens_BT, rows.documents_BT)
        chance_BT = np.take_along_axis(chance_BT, firsts_BT, axis=1)
    may_be_BT = is_ordinary_V[tokens_BT] & (rows.documents_BT > 0)
    chosen_BT = may_be_BT & (chance_BT < share)

    ordinary = np.flatnonzero(is_ordinary_V)
    other_BT = ordinary[(uniform(keys_B, REPLACE, width) * len(ordinary)).astype(np.int64)]
    show_BT = uniform(keys_B, SHOW, width)
    shown_BT = np.where(show_BT < MASKED + REPLACED, other_BT, tokens_BT)
    shown_BT = np.where(show_BT < MASKED, mask, shown_BT)
    return Batch(
        tokens_BT=np.where(chosen_BT, shown_BT, tokens_BT),
        positions_BT=rows.positions_BT,
        targets_BT=np.where(chosen_BT, tokens_BT, NO_TARGET),
        documents_BT=borders(rows.documents_BT),
    )
