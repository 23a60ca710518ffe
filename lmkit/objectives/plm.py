"""Permutation language modelling: say tokens one after the other, in an order that is drawn.

Yang et al. 2019, arXiv 1906.08237, sections 2.2 and 2.3, and the code published with it
(zihangdai/xlnet, data_utils.py: `_sample_mask` and `_local_perm`).

Choices:
- One text token in 6 is a target (the code's `mask_alpha`), in spans of 1 to 5 tokens, where one of
  n has odds that go with 1/n. A span begins at a word's start, somewhere in the first 6n tokens
  behind what the span before took up; it takes up its own n and 6n more. That reaches 1 in 7, and
  the code then chooses single tokens until the number is 1 in 6, which is 85 of 512.
- Spans stay inside their document, and each document has its own share of a row's number, which
  is the text's length over 6, rounded. So a row never has more targets than it has columns for.
- The content stream reads the real tokens. (Transformers' collator puts <mask> there too, so that
  a second target never learns what the first one was.)
- The targets of a row are put in one random order. The code cuts a row into halves with orders of
  their own, the left one first, since it keeps the left half in a memory for the next row. There is
  no such memory here; `block` does the same.
- What is no target is seen by all and sees no target: special tokens too. (There XLNet's <sep> and
  <cls> have a place in the order, are seen only from later ones, and see earlier targets.)
- XLNet reads half of its rows backwards; here all are read as they stand.

Shapes: B rows, T places, P documents, N text tokens, Q places that are predicted.
"""

import numpy as np
from numpy.typing import NDArray

from lmkit.counter_rng import uniform
from lmkit.objectives.batch import Batch, borders
from lmkit.objectives.ragged import Text, ranks, text_of
from lmkit.packing.chunking import counting
from lmkit.packing.token_rows import NO_TARGET, Rows
from lmkit.tokenizers.word_boundaries import Words

LENGTH, LEFT, FILL, ORDER = range(4)
"""What a place's random numbers are for."""

LONGEST = 5
ODDS = np.cumsum(1 / np.arange(1, LONGEST + 1)) / np.sum(1 / np.arange(1, LONGEST + 1))
"""Odds that a span is at most 1, 2, ... tokens long."""


def plm(
    rows: Rows,
    keys_B: NDArray[np.uint64],
    is_ordinary_V: NDArray[np.bool_],
    words: Words,
    context: int = 6,
    block: int | None = None,
) -> Batch:
    """Make a batch for an encoder with two streams.

    Args:
        rows: of the text.
        keys_B: what the random numbers of each row follow from.
        is_ordinary_V: which tokens may be targets.
        words: where words begin.
        context: one token in so many is a target.
        block: places that are put in order together, the blocks from left to right; None: all.

    """
    shape = rows.tokens_BT.shape
    text = text_of(rows, is_ordinary_V[rows.tokens_BT])
    starts_BT = words.first_places(rows.tokens_BT, rows.documents_BT) == np.arange(shape[1])
    starts_N = starts_BT.ravel()[text.places_N]
    u_UN = np.stack(
        [uniform(keys_B, use, shape[1]).ravel()[text.places_N] for use in (LENGTH, LEFT, FILL)]
    )
    goals_P = _goals(text, context)
    chosen_N = _spans(text, goals_P, starts_N, u_UN[LENGTH], u_UN[LEFT], context)
    missing_P = goals_P - np.bincount(text.pieces_N, chosen_N, len(goals_P)).astype(np.int64)
    chosen_N |= _singles(text, missing_P, chosen_N, u_UN[FILL])

    is_target_BT = np.zeros(shape, np.bool_)
    is_target_BT.ravel()[text.places_N[chosen_N]] = True
    columns_BT = np.broadcast_to(np.arange(shape[1]), shape)
    when_BT = uniform(keys_B, ORDER, shape[1]) + columns_BT // (block or shape[1])
    when_BT = np.where(is_target_BT, when_BT, np.inf)
    order_BT = np.argsort(np.argsort(when_BT, axis=1, kind="stable"), axis=1)

    counts_B = is_target_BT.sum(axis=1)
    where = (np.repeat(np.arange(shape[0]), counts_B), counting(counts_B))
    queries_BQ = np.zeros((shape[0], max(1, _rounded(shape[1], context))), np.int64)
    queries_BQ[where] = columns_BT[is_target_BT]
    targets_BQ = np.full_like(queries_BQ, NO_TARGET)
    targets_BQ[where] = rows.tokens_BT[is_target_BT]
    return Batch(
        tokens_BT=rows.tokens_BT,
        positions_BT=rows.positions_BT,
        targets_BT=targets_BQ,
        documents_BT=borders(rows.documents_BT),
        order_BT=np.where(is_target_BT, order_BT, -1),
        queries_BQ=queries_BQ,
    )


def _rounded(length: int, context: int) -> int:
    """Return how many of so many tokens are targets.

    >>> _rounded(512, 6)
    85
    """
    return (length + context // 2) // context


def _goals(text: Text, context: int) -> NDArray[np.int64]:
    """Share out the targets of a row: those up to a document's end, less those up to its start."""
    ends_P = np.cumsum(text.lengths_P)
    starts_P = ends_P - text.lengths_P
    row_start_P = starts_P[np.searchsorted(text.rows_P, text.rows_P)]
    half = context // 2
    up_to_end_P = (ends_P - row_start_P + half) // context
    return up_to_end_P - (starts_P - row_start_P + half) // context


def _spans(
    text: Text,
    goals_P: NDArray[np.int64],
    starts_N: NDArray[np.bool_],
    length_u_N: NDArray[np.float64],
    left_u_N: NDArray[np.float64],
    context: int,
) -> NDArray[np.bool_]:
    """Walk through all documents at once, a span a step, until their goals or ends are reached."""
    tokens = len(text.places_N)
    first_P, stop_P = text.starts_P, text.starts_P + text.lengths_P
    next_start_N = np.minimum.accumulate(
        np.append(np.where(starts_N, np.arange(tokens), tokens), tokens)[::-1]
    )[::-1]
    steps_N = np.zeros(tokens + 1, np.int64)  # +1 where a span begins, -1 where it has ended
    here_P, left_P = first_P.copy(), goals_P.copy()
    while (walking_P := np.flatnonzero((left_P > 0) & (here_P < stop_P))).size:
        here, stop = here_P[walking_P], stop_P[walking_P]
        drawn = 1 + np.searchsorted(ODDS[:-1], length_u_N[here], side="right")
        length = np.minimum(drawn, left_P[walking_P])
        left = (left_u_N[here] * length * context).astype(np.int64)
        begin = next_start_N[np.minimum(here + left, stop)]
        end = begin + length
        fits = end < stop  # the last token of all is never reached, as in the code
        steps_N[begin[fits]] += 1
        steps_N[end[fits]] -= 1
        left_P[walking_P] -= np.where(fits, length, 0)
        here_P[walking_P] = np.where(fits, end + length * context - left, stop)
    return np.cumsum(steps_N)[:-1] > 0


def _singles(
    text: Text, missing_P: NDArray[np.int64], chosen_N: NDArray[np.bool_], u_N: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Choose as many more tokens of each document as are missing."""
    pieces_N = text.pieces_N
    rank_N = ranks(np.where(chosen_N, 1.0, u_N), text.lengths_P)  # what is chosen comes last
    return rank_N < missing_P[pieces_N]
