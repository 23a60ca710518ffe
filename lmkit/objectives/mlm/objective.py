"""Masked language modelling: predict masked tokens from all tokens around them.

Devlin et al. 2019, arXiv 1810.04805, section 3.1: of the chosen positions 80% are <mask>, 10%
another token, 10% unchanged. Masks are sampled again whenever a sequence is read (Liu et al. 2019,
arXiv 1907.11692, section 4.1).

Choices:
- Each position is chosen by its own random number, independently of all others. BERT fixes a count
  for each sequence, at least one; that rounds, so that short documents have too many targets, and
  makes positions depend on their neighbours. So a sequence may have no target at all, which costs
  nothing: the loss is a sum, divided by the targets of the global batch.
- With whole words, words are chosen with the same probability: all tokens of a word use the random
  number of its first. How each of them is corrupted is sampled separately, as in BERT's code.
- Special tokens are never chosen, nor used as replacements. (Transformers' collator samples from
  the full vocabulary.)
- A replacement may be the original token, as in BERT's code.

Shapes: B sequences, T positions, V vocabulary.
"""

import numpy as np
from numpy.typing import NDArray

from lmkit.counter_rng import uniform
from lmkit.objectives.batch import Batch, MakeBatch, documents_unless_all_first
from lmkit.objectives.mlm.options import MlmConfig
from lmkit.objectives.objective import Objective, Packing, ordinary, required
from lmkit.objectives.prompt_formats import Masks
from lmkit.packing.token_rows import NO_TARGET, SequenceBatch
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.tokenizers.word_boundaries import WordBoundaries

CHOOSE, CORRUPT, REPLACE = range(3)
"""Streams of a position's random numbers."""

MASKED_FRACTION, REPLACED_FRACTION = 0.8, 0.1


class Mlm(Objective[MlmConfig]):
    """Predict masked tokens."""

    def make(self, tokenizer: Tokenizer, packing: Packing) -> MakeBatch:
        """Return a function that masks; the tokenizer needs a mask token."""
        del packing
        is_ordinary_V = ordinary(tokenizer)
        mask = required(tokenizer.mask, "a mask token", f"--objective {self.name}")
        words = WordBoundaries.of(tokenizer) if self.options.whole_word else None
        probability = self.options.probability
        return lambda rows, keys_B: mlm(rows, keys_B, mask, is_ordinary_V, probability, words)

    def prompt_format(self, packing: Packing) -> Masks:
        """Fill masks, as in training."""
        del packing
        return Masks()


def mlm(
    rows: SequenceBatch,
    keys_B: NDArray[np.uint64],
    mask: int,
    is_ordinary_V: NDArray[np.bool_],
    probability: float = 0.15,
    words: WordBoundaries | None = None,
) -> Batch:
    """Make a batch for an encoder.

    Args:
        rows: sequences of the text.
        keys_B: the key of each sequence's random numbers.
        mask: id of the mask token.
        is_ordinary_V: which tokens may be chosen, and used as replacements.
        probability: probability of each to be chosen.
        words: where words begin; None: choose tokens.

    """
    tokens_BT, width = rows.tokens_BT, rows.tokens_BT.shape[1]
    choose_u_BT = uniform(keys_B, CHOOSE, width)
    if words is not None:
        word_start_BT = words.word_starts(tokens_BT, rows.documents_BT)
        choose_u_BT = np.take_along_axis(choose_u_BT, word_start_BT, axis=1)
    is_eligible_BT = is_ordinary_V[tokens_BT] & (rows.documents_BT > 0)
    chosen_BT = is_eligible_BT & (choose_u_BT < probability)

    ordinary = np.flatnonzero(is_ordinary_V)
    random_token_BT = ordinary[(uniform(keys_B, REPLACE, width) * len(ordinary)).astype(np.int64)]
    corrupt_u_BT = uniform(keys_B, CORRUPT, width)
    corrupted_BT = np.where(
        corrupt_u_BT < MASKED_FRACTION + REPLACED_FRACTION, random_token_BT, tokens_BT
    )
    corrupted_BT = np.where(corrupt_u_BT < MASKED_FRACTION, mask, corrupted_BT)
    return Batch(
        tokens_BT=np.where(chosen_BT, corrupted_BT, tokens_BT),
        positions_BT=rows.positions_BT,
        targets_BT=np.where(chosen_BT, tokens_BT, NO_TARGET),
        documents_BT=documents_unless_all_first(rows.documents_BT),
    )
