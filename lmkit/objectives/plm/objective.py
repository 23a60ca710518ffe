"""Permutation language modelling: predict tokens one after the other, in a random order.

Yang et al. 2019, arXiv 1906.08237, sections 2.2 and 2.3, and the code published with it
(zihangdai/xlnet, data_utils.py: `_sample_mask` and `_local_perm`).

Choices:
- One text token in 6 is a target (the code's `mask_alpha`), in spans of 1 to 5 tokens, where one of
  n has a probability proportional to 1/n. A span begins at the start of a word, somewhere in the
  first 6n tokens after the context of the previous span; it takes its n tokens and 6n more as
  context. That gives 1 in 7, and the code then chooses single tokens until it is 1 in 6, which is
  85 of 512.
- Spans remain inside their document, and each document has a number of targets in proportion to its
  length, a sixth of the text's tokens, rounded. So a sequence never has more targets than columns
  for them.
- The content stream reads the real tokens. (Transformers' collator puts <mask> there too, so that
  a second target never gets to know the first one.)
- The targets of a sequence are put in one random order. The code splits a sequence into halves with
  separate orders, the left one first, since it keeps the left half in a memory for the next
  sequence. There is no such memory here; `block` does the same.
- What isn't a target is visible to all and attends to no target: special tokens too. (In XLNet
  <sep> and <cls> have a rank in the order, are visible only to later ones, and attend to earlier
  targets.)
- XLNet reads half of its sequences backwards; here all are read forwards.

Shapes: B sequences, T positions, P documents, N text tokens, Q queries.
"""

import numpy as np
from numpy.typing import NDArray

from lmkit.counter_rng import uniform
from lmkit.objectives.batch import Batch, MakeBatch, documents_unless_all_first
from lmkit.objectives.objective import Objective, Packing, ordinary
from lmkit.objectives.plm.options import PlmConfig
from lmkit.objectives.prompt_formats import Masks
from lmkit.objectives.ragged import Text, ranks, text_of
from lmkit.packing.chunking import concatenated_ranges
from lmkit.packing.token_rows import NO_TARGET, SequenceBatch
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.tokenizers.word_boundaries import WordBoundaries

LENGTH, LEFT_CONTEXT, FILL, ORDER = range(4)
"""Streams of a position's random numbers."""

MAX_SPAN_LENGTH = 5
LENGTH_CDF = np.cumsum(1 / np.arange(1, MAX_SPAN_LENGTH + 1)) / np.sum(
    1 / np.arange(1, MAX_SPAN_LENGTH + 1)
)
"""Probability that a span is at most 1, 2, ... tokens long."""


class Plm(Objective[PlmConfig]):
    """Predict tokens in a random order."""

    def make(self, tokenizer: Tokenizer, packing: Packing) -> MakeBatch:
        """Return a function that samples targets and their order."""
        del packing
        is_ordinary_V, words = ordinary(tokenizer), WordBoundaries.of(tokenizer)
        context, block = self.options.context, self.options.block
        return lambda rows, keys_B: plm(rows, keys_B, is_ordinary_V, words, context, block)

    def prompt_format(self, packing: Packing) -> Masks:
        """Fill masks, each with its query."""
        del packing
        return Masks(two_streams=True)


def plm(
    rows: SequenceBatch,
    keys_B: NDArray[np.uint64],
    is_ordinary_V: NDArray[np.bool_],
    words: WordBoundaries,
    context: int = 6,
    block: int | None = None,
) -> Batch:
    """Make a batch for an encoder with two streams.

    Args:
        rows: sequences of the text.
        keys_B: the key of each sequence's random numbers.
        is_ordinary_V: which tokens may be targets.
        words: where words begin.
        context: one token in this many is a target.
        block: positions that share a permutation, the blocks from left to right; None: all.

    """
    shape = rows.tokens_BT.shape
    text = text_of(rows, is_ordinary_V[rows.tokens_BT])
    starts_BT = words.word_starts(rows.tokens_BT, rows.documents_BT) == np.arange(shape[1])
    starts_N = starts_BT.ravel()[text.indices_N]
    u_UN = np.stack(
        [
            uniform(keys_B, stream, shape[1]).ravel()[text.indices_N]
            for stream in (LENGTH, LEFT_CONTEXT, FILL)
        ]
    )
    target_counts_P = _target_counts(text, context)
    chosen_N = _spans(text, target_counts_P, starts_N, u_UN[LENGTH], u_UN[LEFT_CONTEXT], context)
    missing_P = target_counts_P - np.bincount(text.pieces_N, chosen_N, len(target_counts_P)).astype(
        np.int64
    )
    chosen_N |= _singles(text, missing_P, chosen_N, u_UN[FILL])

    is_target_BT = np.zeros(shape, np.bool_)
    is_target_BT.ravel()[text.indices_N[chosen_N]] = True
    columns_BT = np.broadcast_to(np.arange(shape[1]), shape)
    sort_key_BT = uniform(keys_B, ORDER, shape[1]) + columns_BT // (block or shape[1])
    sort_key_BT = np.where(is_target_BT, sort_key_BT, np.inf)
    order_BT = np.argsort(np.argsort(sort_key_BT, axis=1, kind="stable"), axis=1)

    counts_B = is_target_BT.sum(axis=1)
    destination = (np.repeat(np.arange(shape[0]), counts_B), concatenated_ranges(counts_B))
    queries_BQ = np.zeros((shape[0], max(1, _target_count(shape[1], context))), np.int64)
    queries_BQ[destination] = columns_BT[is_target_BT]
    targets_BQ = np.full_like(queries_BQ, NO_TARGET)
    targets_BQ[destination] = rows.tokens_BT[is_target_BT]
    return Batch(
        tokens_BT=rows.tokens_BT,
        positions_BT=rows.positions_BT,
        targets_BT=targets_BQ,
        documents_BT=documents_unless_all_first(rows.documents_BT),
        order_BT=np.where(is_target_BT, order_BT, -1),
        queries_BQ=queries_BQ,
    )


def _target_count(length: int, context: int) -> int:
    """Return how many tokens of a text of this length are targets.

    >>> _target_count(512, 6)
    85
    """
    return (length + context // 2) // context


def _target_counts(text: Text, context: int) -> NDArray[np.int64]:
    """Return the targets of each document: those up to its end, minus those up to its start."""
    ends_P = np.cumsum(text.lengths_P)
    starts_P = ends_P - text.lengths_P
    row_start_P = starts_P[np.searchsorted(text.rows_P, text.rows_P)]
    rounding = context // 2
    up_to_end_P = (ends_P - row_start_P + rounding) // context
    return up_to_end_P - (starts_P - row_start_P + rounding) // context


def _spans(
    text: Text,
    target_counts_P: NDArray[np.int64],
    starts_N: NDArray[np.bool_],
    length_u_N: NDArray[np.float64],
    left_context_u_N: NDArray[np.float64],
    context: int,
) -> NDArray[np.bool_]:
    """Sample spans in all documents at once, until the target counts or the ends are reached."""
    tokens = len(text.indices_N)
    first_P, stop_P = text.starts_P, text.starts_P + text.lengths_P
    next_start_N = np.minimum.accumulate(
        np.append(np.where(starts_N, np.arange(tokens), tokens), tokens)[::-1]
    )[::-1]
    steps_N = np.zeros(tokens + 1, np.int64)  # +1 where a span begins, -1 after its end
    next_P, remaining_P = first_P.copy(), target_counts_P.copy()
    while (active_P := np.flatnonzero((remaining_P > 0) & (next_P < stop_P))).size:
        next_token, stop = next_P[active_P], stop_P[active_P]
        sampled_length = 1 + np.searchsorted(LENGTH_CDF[:-1], length_u_N[next_token], side="right")
        length = np.minimum(sampled_length, remaining_P[active_P])
        left_context = (left_context_u_N[next_token] * length * context).astype(np.int64)
        begin = next_start_N[np.minimum(next_token + left_context, stop)]
        end = begin + length
        is_inside = end < stop  # the very last token is never reached, as in the code
        steps_N[begin[is_inside]] += 1
        steps_N[end[is_inside]] -= 1
        remaining_P[active_P] -= np.where(is_inside, length, 0)
        next_P[active_P] = np.where(is_inside, end + length * context - left_context, stop)
    return np.cumsum(steps_N)[:-1] > 0


def _singles(
    text: Text, missing_P: NDArray[np.int64], chosen_N: NDArray[np.bool_], u_N: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Choose as many more tokens of each document as are missing."""
    pieces_N = text.pieces_N
    rank_N = ranks(np.where(chosen_N, 1.0, u_N), text.lengths_P)  # chosen ones come last
    return rank_N < missing_P[pieces_N]
