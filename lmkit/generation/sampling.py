"""Sampling: from the logits of a position to the id that comes there.

Choices:
- The repetition penalty first, then temperature, the k most likely, the nucleus among those
  (Holtzman et al. 2020, arXiv 1904.09751), and min-p: the order of Transformers, so that settings
  have the same meaning in both.
- Probabilities are computed in float64 on the CPU and sampled with a dedicated generator: a seed
  gives the same text whatever else uses random numbers, and the sorted sums are exact to many
  digits.
- Only the k most likely and the nucleus need an order: without them nothing is sorted, which would
  take longer than a step of a small model.

Shapes: V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sampling:
    """How an id is sampled from those that are allowed."""

    temperature: float = 1.0
    """Below 1, likely ids become likelier; 0 always takes the most likely."""
    top_k: int | None = None
    """Sample from this many of the most likely ids; None: from all."""
    top_p: float | None = None
    """Sample from the fewest ids that together have this probability; None: from all."""
    min_p: float | None = None
    """Sample from the ids that have this fraction of the probability of the likeliest; None: from
    all."""
    repetition_penalty: float = 1.0
    """Above 1, ids that are in the text become less likely."""

    def sample(
        self, logits_V: Tensor, generator: torch.Generator, present: Sequence[int] = ()
    ) -> int:
        """Sample an id; `present` are the ids of the text so far."""
        if self.repetition_penalty != 1:
            logits_V = penalized(logits_V, present, self.repetition_penalty)
        if self.temperature == 0:
            return int(logits_V.argmax())
        p_V = distribution(logits_V, self.temperature, self.top_k, self.top_p, self.min_p)
        return sample(p_V, generator)


@dataclass(frozen=True)
class SampledToken:
    """An id that was sampled, and its probability among all that were allowed.

    That is the model's own probability, at temperature 1 and without a repetition penalty.
    """

    token: int
    probability: float


def penalized(logits_V: Tensor, present: Sequence[int], penalty: float) -> Tensor:
    """Return logits in which the ids of a text are less likely, by CTRL's repetition penalty.

    Keskar et al. (2019, arXiv 1909.05858, section 4.1). There every logit is divided, which would
    make negative ones likelier; those are multiplied, as in Transformers.

    >>> penalized(torch.tensor([3.0, -1.0, 2.0]), [0, 1, 1], penalty=2.0)
    tensor([ 1.5000, -2.0000,  2.0000])
    """
    ids_N = torch.tensor(sorted(set(present)), dtype=torch.long, device=logits_V.device)
    scores_N = logits_V[ids_N]
    scores_N = torch.where(scores_N < 0, scores_N * penalty, scores_N / penalty)
    return logits_V.scatter(0, ids_N, scores_N)


def distribution(
    logits_V: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
) -> Tensor:
    """Return the probability with which each id is sampled, in float64.

    Among ids that are equally likely the smaller comes first. `min_p` is that of Nguyen et al.
    (2024, arXiv 2407.01082).

    >>> logits = torch.tensor([0.5, 0.3, 0.2]).log()
    >>> [round(p, 3) for p in distribution(logits, top_k=2).tolist()]
    [0.625, 0.375, 0.0]
    >>> [round(p, 3) for p in distribution(logits, min_p=0.5).tolist()]
    [0.625, 0.375, 0.0]
    >>> distribution(logits, temperature=0).tolist()
    [1.0, 0.0, 0.0]
    """
    scores_V = logits_V.cpu().double()
    if temperature == 0:
        return torch.zeros_like(scores_V).index_fill_(0, scores_V.argmax(), 1.0)
    # The largest is 0, so that no temperature, however small, makes it overflow.
    p_V = ((scores_V - scores_V.max()) / temperature).softmax(dim=-1)
    if top_k is not None or top_p is not None:
        p_V = _most_likely(p_V, top_k, top_p)
    if min_p is not None:
        p_V = p_V * (p_V >= min_p * p_V.max())
        p_V /= p_V.sum()
    return p_V


def _most_likely(p_V: Tensor, top_k: int | None, top_p: float | None) -> Tensor:
    """Keep the k most likely ids, and the nucleus of those."""
    p_V, ids_V = p_V.sort(descending=True, stable=True)
    if top_k is not None:
        p_V[top_k:] = 0
        p_V /= p_V.sum()
    if top_p is not None:
        probability_before_V = p_V.cumsum(dim=-1) - p_V
        in_nucleus_V = probability_before_V < top_p
        in_nucleus_V[0] = True
        p_V = p_V * in_nucleus_V
        p_V /= p_V.sum()
    return torch.zeros_like(p_V).scatter_(0, ids_V, p_V)


def sample(p_V: Tensor, generator: torch.Generator) -> int:
    """Sample an id with these probabilities."""
    return int(torch.multinomial(p_V, 1, generator=generator))
