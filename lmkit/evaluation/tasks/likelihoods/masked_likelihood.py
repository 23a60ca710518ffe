"""Pseudo-log-likelihoods of token spans under an encoder that fills masks.

    <s> a sou ven ir </s>    within-word    a: 1 mask; sou: 3 masks; ven: 2; ir: 1
                             original       one mask each

Choices:
- Each target is predicted with itself masked, from all other tokens, those after it too, and the
  sum is taken over the targets: Salazar et al. (2020, arXiv 1910.14659). It compares sentences; it
  is no probability, and its bits per byte aren't comparable with a decoder's.
- `within-word` also masks the later tokens of the target's word: else the last pieces of a rare
  word give its first ones away, and a rare word becomes likely. Kauf and Ivanova (2023, arXiv
  2305.10588), `within_word_l2r` of minicons.
- Special tokens are neither masked nor predicted.

Shapes: B masked copies of spans, T columns, D hidden size.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lmkit.evaluation.tasks.likelihoods.target_likelihood import (
    Groups,
    SpanLikelihood,
    SpanSums,
    batches_of,
    log_p_of_targets,
)
from lmkit.evaluation.tasks.token_spans import TokenSpan
from lmkit.model.eval_mode import eval_mode
from lmkit.model.transformer import Transformer
from lmkit.tokenizers.word_boundaries import WordBoundaries

Pll = Literal["within-word", "original"]
Copy = tuple[int, int]
"""The number of a span, and the index of the target that is predicted."""


@dataclass(frozen=True)
class MaskedLikelihood:
    """The pseudo-log-likelihoods that an encoder gives to spans."""

    model: Transformer
    mask: int
    eos: int | None
    """The token after every text; None: there is none."""
    words: WordBoundaries
    pll: Pll = "within-word"
    precision: Literal["fp32", "bf16"] = "fp32"
    micro_batch: int | None = None
    """Copies to compute at a time; None: as many as the device computes fast."""

    def __call__(self, groups: Groups) -> list[SpanLikelihood]:
        """Return the pseudo-log-likelihood of every span, in order."""
        spans = [span for item in groups for request in item for span in request]
        sums = SpanSums()
        with eval_mode(self.model):
            for copies in self._batches(spans):
                numbers_B = np.array([number for number, _ in copies], np.int64)
                sums.add(numbers_B, self._targets(spans, copies))
        return sums.likelihoods(len(spans))

    def _batches(self, spans: Sequence[TokenSpan]) -> Iterator[Sequence[Copy]]:
        """Return copies of about the same length, the longest first."""
        by_length = sorted(range(len(spans)), key=lambda number: -len(spans[number].tokens))
        copies = [
            (number, index)
            for number in by_length
            for index in range(spans[number].first_target, len(spans[number].tokens))
        ]
        lengths = [len(spans[number].tokens) + 1 for number, _ in copies]
        return batches_of(copies, lengths, self.model, self.micro_batch)

    def _targets(self, spans: Sequence[TokenSpan], copies: Sequence[Copy]) -> NDArray[np.float64]:
        after = [] if self.eos is None else [self.eos]
        rows = [[*spans[number].tokens, *after] for number, _ in copies]
        shape = len(rows), max(map(len, rows))
        tokens_BT, documents_BT = np.zeros(shape, np.int64), np.zeros(shape, np.int32)
        for row, tokens in enumerate(rows):
            tokens_BT[row, : len(tokens)] = tokens
            documents_BT[row, : len(tokens)] = 1
        index_B = np.array([index for _, index in copies])
        rows_B = np.arange(shape[0])
        ids_B = tokens_BT[rows_B, index_B]
        starts_BT = self.words.word_starts(tokens_BT, documents_BT)
        tokens_BT[masked(starts_BT, index_B, self.pll)] = self.mask
        device = self.model.embedding.weight.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            x_BTD = self.model.features(
                torch.from_numpy(tokens_BT).to(device),
                torch.arange(shape[1], device=device).expand(shape),
                None if documents_BT.all() else torch.from_numpy(documents_BT).to(device),
            )
            x_BD = x_BTD[torch.from_numpy(rows_B).to(device), torch.from_numpy(index_B).to(device)]
            return log_p_of_targets(self.model, x_BD, rows_B, ids_B)


def masked(starts_BT: NDArray[np.int64], index_B: NDArray[np.int64], pll: Pll) -> NDArray[np.bool_]:
    """Return which tokens are masked to predict one, given where the word of each begins.

    >>> masked(np.array([[0, 1, 1, 1, 4, 5]]), np.array([2]), "within-word").nonzero()[1].tolist()
    [2, 3]
    """
    columns_T, index_B1 = np.arange(starts_BT.shape[1]), index_B[:, None]
    if pll == "original":
        return columns_T == index_B1
    word_B1 = np.take_along_axis(starts_BT, index_B1, axis=1)
    return (starts_BT == word_B1) & (columns_T >= index_B1)
