"""The log-probability of each token that a model predicts in a text.

Choices:
- Sequences, targets and random numbers are those of `lmkit eval`: the sum over the tokens is its
  loss. So with clm every token but the first has a probability, given those before it; with mlm
  those that are masked have, given all others.
- The random numbers of a text follow from its place among the texts.
- Few sequences at a time: here the logits of every position are held.

Shapes: B batch, T time (or queries), V vocabulary, R sequences.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from lmkit.artifacts.document import Document
from lmkit.evaluation.documents import Scorer
from lmkit.evaluation.text_score import Score
from lmkit.execution.short_view import ShortView
from lmkit.model.eval_mode import eval_mode
from lmkit.packing.token_rows import NO_TARGET
from lmkit.text.surrogates import well_formed

LOGITS = 100_000_000
"""Most logits at a time: 400 MB in fp32."""


@dataclass(frozen=True, repr=False)
class ScoredText(ShortView):
    """A text, and how well a model predicts its tokens."""

    text: str
    tokens: tuple[str, ...]
    """The predicted tokens, in their form in the vocabulary."""
    token_ids: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    """Of each of them, in nats."""
    bytes: int
    """Bytes of the text in UTF-8; 0 where the model doesn't predict all of it."""

    @property
    def score(self) -> Score:
        """The sums, and what follows from them; those of several texts can be added."""
        return Score(-sum(self.log_probabilities), len(self.tokens), self.bytes)

    @property
    def log_probability(self) -> float:
        """Of all predicted tokens together, in nats."""
        return sum(self.log_probabilities)

    @property
    def perplexity(self) -> float:
        """The number of equally likely tokens that is as hard to predict; NaN without tokens."""
        return self.score.perplexity

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte of text; NaN where the model doesn't predict all of it."""
        return self.score.bits_per_byte

    def short_view(self) -> tuple[str, Mapping[str, str]]:
        """Return what is shown of it."""
        shown = self.text if len(self.text) <= 60 else f"{self.text[:59]}…"
        facts = {"tokens": f"{len(self.tokens):,}", "perplexity": f"{self.perplexity:.2f}"}
        if not math.isnan(self.bits_per_byte):
            facts["bits per byte"] = f"{self.bits_per_byte:.4f}"
        return f"score of {shown!r}", facts


def score_texts(scorer: Scorer, texts: Sequence[str]) -> list[ScoredText]:
    """Return the log-probabilities of the tokens of each text."""
    documents = [Document(str(number), text, "") for number, text in enumerate(texts)]
    rows, numbers_R, keys_R = scorer.rows_of(documents)
    length, device = scorer.packing.sequence_length, scorer.model.embedding.weight.device
    make_batch = scorer.make_batch(length)
    micro_batch = max(1, LOGITS // (length * scorer.model.vocabulary_size))
    found: list[list[tuple[int, float]]] = [[] for _ in texts]
    with eval_mode(scorer.model):
        for start in range(0, len(rows), micro_batch):
            indices = np.arange(start, min(start + micro_batch, len(rows)))
            arguments = make_batch(rows.read(indices).trimmed(), keys_R[indices]).tensors(device)
            targets_BT = arguments.pop("targets_BT")
            with scorer.autocast():
                logits_BTV = scorer.model(**arguments)
            nll_BT = F.cross_entropy(
                logits_BTV.flatten(0, 1),
                targets_BT.flatten(),
                ignore_index=NO_TARGET,
                reduction="none",
            ).view_as(targets_BT)
            for row, targets_T, nll_T in zip(indices, targets_BT.cpu(), nll_BT.cpu(), strict=True):
                is_target_T = targets_T != NO_TARGET
                pairs = torch.stack([targets_T[is_target_T].double(), -nll_T[is_target_T].double()])
                found[numbers_R[row]] += [(int(id_), value) for id_, value in pairs.T.tolist()]
    is_whole = scorer.objective.predicts_whole_text
    name = scorer.tokenizer.text_of
    return [
        ScoredText(
            text,
            tuple(name(token) or "" for token, _ in pairs),
            tuple(token for token, _ in pairs),
            tuple(value for _, value in pairs),
            len(well_formed(text).encode()) if is_whole else 0,
        )
        for text, pairs in zip(texts, found, strict=True)
    ]
