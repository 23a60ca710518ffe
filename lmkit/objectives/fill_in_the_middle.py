"""Fill in the middle: documents whose middle is moved to their end, for a decoder to say it there.

    text        a b c d e f g
    PSM         <fim_prefix> a b <fim_suffix> f g <fim_middle> c d e
    SPM         <fim_prefix> <fim_suffix> f g <fim_middle> a b c d e

Bavarian et al. 2022, arXiv 2207.14255; SPM is their second variant, where prefix and middle stand
together. The loss is on all tokens, as there.

Choices:
- Only documents that lie whole in a row: the rest of a cut one would be an end without a middle.
- The three marks go to the padding behind a row's text, as long as there is some. After that they
  replace the last three text tokens of their own document, which are counted as dropped.
- The two cuts fall between tokens, anywhere, with equal odds. The paper draws them between
  characters, which rows of tokens no longer know; so a word that is cut in two at a prompt's end
  is seen less often in training than there.

Shapes: B rows, T places, P pieces, M tokens.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.counter_rng import uniform
from lmkit.objectives.ragged import Layout, Text, join, text_of
from lmkit.packing.token_rows import NO_TARGET, Rows

CHOOSE, FORM, FIRST_CUT, SECOND_CUT = range(4)
"""What a document's random numbers are for."""

AS_IT_IS, PSM, SPM = range(3)
MARKS = 3


@dataclass(frozen=True)
class Marks:
    """Ids of the tokens that say what comes next, and of those around a document and a text."""

    prefix: int
    middle: int
    suffix: int
    bos: int | None
    eos: int | None
    pad: int


class Stretch(NamedTuple):
    """One part of every piece: where it starts among the tokens, and how long it is."""

    starts_P: NDArray[np.int64]
    lengths_P: NDArray[np.int64]


def fill_in_the_middle(
    rows: Rows, keys_B: NDArray[np.uint64], marks: Marks, rate: float, spm_rate: float
) -> tuple[Rows, int]:
    """Move the middle of a share of the documents; return the new rows, and tokens dropped."""
    pieces = text_of(rows, np.ones(rows.tokens_BT.shape, np.bool_))
    tokens_N = rows.tokens_BT.ravel()[pieces.places_N]
    starts_P = pieces.starts_P
    lasts_P = starts_P + pieces.lengths_P - 1
    framed_2P = np.stack([tokens_N[starts_P] == marks.bos, tokens_N[lasts_P] == marks.eos])
    text_P = pieces.lengths_P - framed_2P.sum(axis=0)

    u_UP = _draws(keys_B, pieces)
    whole_P = rows.whole_BT.ravel()[pieces.places_N[starts_P]]
    chosen_P = whole_P & (text_P > 0) & (u_UP[CHOOSE] < rate)
    has_room_P = _has_room(rows, pieces, chosen_P)
    chosen_P &= has_room_P | (text_P > MARKS)
    dropped_P = np.where(chosen_P & ~has_room_P, MARKS, 0)
    form_P = np.where(chosen_P, np.where(u_UP[FORM] < spm_rate, SPM, PSM), AS_IT_IS)
    cuts_2P = np.sort((u_UP[FIRST_CUT:] * (text_P - dropped_P + 1)).astype(np.int64), axis=0)

    forms = _forms(pieces, framed_2P.astype(np.int64), cuts_2P, text_P - dropped_P)
    starts_8P, lengths_8P = (
        np.choose(form_P, [np.stack([part[which] for part in form]) for form in forms])
        for which in range(2)
    )
    pool = np.append(tokens_N, [marks.prefix, marks.middle, marks.suffix])
    made_M = join(pool, starts_8P.T.ravel(), lengths_8P.T.ravel())
    layout = Layout(pieces.rows_P, pieces.numbers_P, lengths_8P.sum(axis=0))
    following_M = np.roll(made_M, -1)
    behind_P = rows.following_BT.ravel()[pieces.places_N[lasts_P]]
    following_M[np.cumsum(layout.lengths_P) - 1] = behind_P
    shape = rows.tokens_BT.shape
    made = Rows(
        tokens_BT=layout.spread(made_M, marks.pad, shape),
        following_BT=layout.spread(following_M, NO_TARGET, shape),
        documents_BT=layout.documents(shape),
        positions_BT=layout.positions(shape),
        whole_BT=layout.spread(np.repeat(whole_P, layout.lengths_P), False, shape),
    )
    return made, int(dropped_P.sum())


def _draws(keys_B: NDArray[np.uint64], pieces: Text) -> NDArray[np.float64]:
    """Four random numbers for each piece."""
    most = int(pieces.numbers_P.max(initial=0))
    drawn = [uniform(keys_B, use, most) for use in (CHOOSE, FORM, FIRST_CUT, SECOND_CUT)]
    return np.stack([u_BN[pieces.rows_P, pieces.numbers_P - 1] for u_BN in drawn])


def _has_room(rows: Rows, pieces: Text, chosen_P: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the marks of a chosen piece, and of those before it in its row, fit behind them."""
    room_B = (rows.documents_BT == 0).sum(axis=1)
    so_far_P = np.cumsum(chosen_P)
    before_P = (so_far_P - chosen_P)[np.searchsorted(pieces.rows_P, pieces.rows_P)]
    return MARKS * (so_far_P - before_P) <= room_B[pieces.rows_P]


def _forms(
    pieces: Text,
    framed_2P: NDArray[np.int64],
    cuts_2P: NDArray[np.int64],
    text_P: NDArray[np.int64],
) -> tuple[list[Stretch], list[Stretch], list[Stretch]]:
    """Say what each piece is made of: as it is, PSM, SPM. The marks stand behind all tokens."""
    starts_P, begins_P, ends_P = pieces.starts_P, framed_2P[0], framed_2P[1]
    first_P, one_P = starts_P + begins_P, np.ones_like(starts_P)
    begin = Stretch(starts_P, begins_P)
    prefix = Stretch(first_P, cuts_2P[0])
    middle = Stretch(first_P + cuts_2P[0], cuts_2P[1] - cuts_2P[0])
    suffix = Stretch(first_P + cuts_2P[1], text_P - cuts_2P[1])
    end = Stretch(starts_P + pieces.lengths_P - ends_P, ends_P)
    behind_P = one_P * len(pieces.places_N)
    says_prefix, says_middle, says_suffix = (Stretch(behind_P + n, one_P) for n in range(MARKS))

    psm = [begin, says_prefix, prefix, says_suffix, suffix, says_middle, middle, end]
    spm = [begin, says_prefix, says_suffix, suffix, says_middle, prefix, middle, end]
    nothing = Stretch(starts_P, 0 * one_P)
    return [Stretch(starts_P, pieces.lengths_P), *[nothing] * (len(psm) - 1)], psm, spm
