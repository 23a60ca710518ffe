"""Causal language modelling: predict the next token at each position.

Choices:
- The target of a sequence's last position is its document's next token, in whichever sequence that
  is: over an epoch every token but a document's first is a target exactly once.
- Sequences of at most one document have no document numbers, since a causal model needs no mask for
  them. Padding comes after the document, where no target attends to it.
"""

from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import InputError
from lmkit.objectives.batch import Batch, MakeBatch
from lmkit.objectives.clm.fill_in_the_middle import Marks, fill_in_the_middle
from lmkit.objectives.clm.options import FimConfig
from lmkit.objectives.objective import Objective, Packing, required
from lmkit.objectives.prompt_formats import Continuation
from lmkit.packing.token_rows import SequenceBatch
from lmkit.tokenizers.special_tokens import FILL_IN_THE_MIDDLE
from lmkit.tokenizers.tokenizer import Tokenizer


class Clm(Objective[FimConfig]):
    """Predict the next token; with --fim.rate, in documents whose middle is at their end."""

    predicts_whole_text = True

    def make(self, tokenizer: Tokenizer, packing: Packing) -> MakeBatch:
        """Return `clm`, or a function that moves middles first."""
        if not self.options.rate:
            return clm
        special = _fim_tokens(tokenizer, packing)
        rate, spm_rate = self.options.rate, self.options.spm_rate

        def make_batch(rows: SequenceBatch, keys_B: NDArray[np.uint64]) -> Batch:
            permuted, dropped = fill_in_the_middle(rows, keys_B, special, rate, spm_rate)
            return replace(clm(permuted), dropped=dropped)

        return make_batch

    @property
    def scored(self) -> "Clm":
        """The unchanged text."""
        return replace(self, options=FimConfig())

    def prompt_format(self, packing: Packing) -> Continuation:
        """Prefix before suffix (PSM), unless the run was trained only on the other order."""
        del packing
        if not self.options.rate:
            return Continuation()
        return Continuation("spm" if self.options.spm_rate == 1 else "psm")


def clm(rows: SequenceBatch, _keys_B: NDArray[np.uint64] | None = None) -> Batch:
    """Make a batch for a decoder; nothing about it is random."""
    several = bool((rows.documents_BT > 1).any())
    return Batch(
        tokens_BT=rows.tokens_BT,
        positions_BT=rows.positions_BT,
        targets_BT=rows.following_BT,
        documents_BT=rows.documents_BT if several else None,
    )


def _fim_tokens(tokenizer: Tokenizer, packing: Packing) -> Marks:
    prefix, middle, suffix = (
        required(tokenizer.id_of(text), f"the token {text}", "--fim.rate")
        for text in FILL_IN_THE_MIDDLE
    )
    if packing.eos is None:
        raise InputError(
            "--fim.rate: the sequences were packed without an EOS token, so a model could not "
            "predict where a middle ends",
            "pack the documents again with --eos, or give --fim.rate 0",
        )
    return Marks(prefix, middle, suffix, packing.bos, packing.eos, cast(int, tokenizer.pad))
