"""Fill in the middle: a decoder predicts the middle of a document, which is moved to its end.

    text        a b c d e f g
    PSM         <fim_prefix> a b <fim_suffix> f g <fim_middle> c d e
    SPM         <fim_prefix> <fim_suffix> f g <fim_middle> a b c d e

Bavarian et al. 2022, arXiv 2207.14255; SPM is their second variant, where prefix and middle are
contiguous. The loss is on all tokens, as there.

Choices:
- Only documents that are complete in a sequence: the rest of a split one would be an end without a
  middle.
- The three tokens take the place of padding after the text of the sequence, as long as there is
  some. After that they replace the last three text tokens of their document, which are counted as
  dropped.
- The two split points are between tokens, uniformly distributed. In the paper they are between
  characters, which sequences of tokens no longer have; so a word that is split at a prompt's end is
  rarer in training than there.

Shapes: B sequences, T positions, P pieces, M tokens.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.counter_rng import uniform
from lmkit.objectives.ragged import Layout, Text, gather_spans, text_of
from lmkit.packing.token_rows import NO_TARGET, SequenceBatch

CHOOSE, FORM, FIRST_SPLIT, SECOND_SPLIT = range(4)
"""Streams of a document's random numbers."""

UNCHANGED, PSM, SPM = range(3)
TOKENS_ADDED = 3


@dataclass(frozen=True)
class Marks:
    """Ids of the fill-in-the-middle tokens, and of those around a document and a text."""

    prefix: int
    middle: int
    suffix: int
    bos: int | None
    eos: int | None
    pad: int


class Span(NamedTuple):
    """One span of every piece: its start among the tokens, and its length."""

    starts_P: NDArray[np.int64]
    lengths_P: NDArray[np.int64]


def fill_in_the_middle(
    rows: SequenceBatch, keys_B: NDArray[np.uint64], special: Marks, rate: float, spm_rate: float
) -> tuple[SequenceBatch, int]:
    """Move the middle of a fraction of the documents; return new sequences, and tokens dropped."""
    pieces = text_of(rows, np.ones(rows.tokens_BT.shape, np.bool_))
    tokens_N = rows.tokens_BT.ravel()[pieces.indices_N]
    starts_P = pieces.starts_P
    last_P = starts_P + pieces.lengths_P - 1
    has_bos_eos_2P = np.stack([tokens_N[starts_P] == special.bos, tokens_N[last_P] == special.eos])
    text_P = pieces.lengths_P - has_bos_eos_2P.sum(axis=0)

    u_UP = _random_numbers(keys_B, pieces)
    is_complete_P = rows.complete_BT.ravel()[pieces.indices_N[starts_P]]
    chosen_P = is_complete_P & (text_P > 0) & (u_UP[CHOOSE] < rate)
    fits_in_padding_P = _fit_in_padding(rows, pieces, chosen_P)
    chosen_P &= fits_in_padding_P | (text_P > TOKENS_ADDED)
    dropped_P = np.where(chosen_P & ~fits_in_padding_P, TOKENS_ADDED, 0)
    form_P = np.where(chosen_P, np.where(u_UP[FORM] < spm_rate, SPM, PSM), UNCHANGED)
    splits_2P = np.sort((u_UP[FIRST_SPLIT:] * (text_P - dropped_P + 1)).astype(np.int64), axis=0)

    forms = _forms(pieces, has_bos_eos_2P.astype(np.int64), splits_2P, text_P - dropped_P)
    starts_8P, lengths_8P = (
        np.choose(form_P, [np.stack([span[n] for span in form]) for form in forms])
        for n in range(2)
    )
    pool = np.append(tokens_N, [special.prefix, special.middle, special.suffix])
    joined_M = gather_spans(pool, starts_8P.T.ravel(), lengths_8P.T.ravel())
    layout = Layout(pieces.rows_P, pieces.numbers_P, lengths_8P.sum(axis=0))
    following_M = np.roll(joined_M, -1)
    next_token_P = rows.following_BT.ravel()[pieces.indices_N[last_P]]
    following_M[np.cumsum(layout.lengths_P) - 1] = next_token_P
    shape = rows.tokens_BT.shape
    permuted = SequenceBatch(
        tokens_BT=layout.scatter(joined_M, special.pad, shape),
        following_BT=layout.scatter(following_M, NO_TARGET, shape),
        documents_BT=layout.documents(shape),
        positions_BT=layout.positions(shape),
        complete_BT=layout.scatter(np.repeat(is_complete_P, layout.lengths_P), False, shape),
    )
    return permuted, int(dropped_P.sum())


def _random_numbers(keys_B: NDArray[np.uint64], pieces: Text) -> NDArray[np.float64]:
    """Return four random numbers for each piece."""
    max_documents = int(pieces.numbers_P.max(initial=0))
    random_numbers = [
        uniform(keys_B, stream, max_documents)
        for stream in (CHOOSE, FORM, FIRST_SPLIT, SECOND_SPLIT)
    ]
    return np.stack([u_BN[pieces.rows_P, pieces.numbers_P - 1] for u_BN in random_numbers])


def _fit_in_padding(
    rows: SequenceBatch, pieces: Text, chosen_P: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether the tokens added to a piece and to those before it fit in its sequence's padding."""
    padding_B = (rows.documents_BT == 0).sum(axis=1)
    so_far_P = np.cumsum(chosen_P)
    before_P = (so_far_P - chosen_P)[np.searchsorted(pieces.rows_P, pieces.rows_P)]
    return TOKENS_ADDED * (so_far_P - before_P) <= padding_B[pieces.rows_P]


def _forms(
    pieces: Text,
    has_bos_eos_2P: NDArray[np.int64],
    splits_2P: NDArray[np.int64],
    text_P: NDArray[np.int64],
) -> tuple[list[Span], list[Span], list[Span]]:
    """Return the spans of each piece in the original order, in PSM, and in SPM.

    The three special tokens come after all text in the token pool.
    """
    starts_P, has_bos_P, has_eos_P = pieces.starts_P, has_bos_eos_2P[0], has_bos_eos_2P[1]
    first_P, one_P = starts_P + has_bos_P, np.ones_like(starts_P)
    bos = Span(starts_P, has_bos_P)
    prefix = Span(first_P, splits_2P[0])
    middle = Span(first_P + splits_2P[0], splits_2P[1] - splits_2P[0])
    suffix = Span(first_P + splits_2P[1], text_P - splits_2P[1])
    eos = Span(starts_P + pieces.lengths_P - has_eos_P, has_eos_P)
    after_text_P = one_P * len(pieces.indices_N)
    prefix_token, middle_token, suffix_token = (
        Span(after_text_P + n, one_P) for n in range(TOKENS_ADDED)
    )

    psm = [bos, prefix_token, prefix, suffix_token, suffix, middle_token, middle, eos]
    spm = [bos, prefix_token, suffix_token, suffix, middle_token, prefix, middle, eos]
    empty = Span(starts_P, 0 * one_P)
    return [Span(starts_P, pieces.lengths_P), *[empty] * (len(psm) - 1)], psm, spm
