"""Log-probabilities of targets, given hidden states; and their sums over spans.

Choices:
- Logits are computed only where a token is predicted, some positions at a time: of a long context
  with a short continuation, the output matrix would otherwise be most of the work.
- The softmax is over the whole output matrix, also over rows that are no token's.
- The sums of a span are in float64, over its tokens in order: they don't depend on the batches.

Shapes: M positions with targets, N targets, D hidden size, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmkit.evaluation.tasks.token_spans import TokenSpan
from lmkit.model.transformer import Transformer

Groups = Sequence[Sequence[Sequence[TokenSpan]]]
"""The spans of each request of each item."""
ItemT = TypeVar("ItemT")


class SpanLikelihood(NamedTuple):
    """How likely the targets of a span are."""

    log_likelihood: float
    is_greedy: bool


class SpanLikelihoods(Protocol):
    """Returns the likelihood of every span, in order."""

    def __call__(self, groups: Groups) -> list[SpanLikelihood]:
        """Score the spans of some items."""
        ...


def column_budget(model: Transformer) -> int:
    """Return how many columns to compute at a time.

    Larger batches leave the caches of a CPU: with 15 million parameters and one thread, 1,024
    columns took 0.70 to 0.95 of the time of 4,096, and 512 took longer again.
    """
    return 1_024 if model.embedding.weight.device.type == "cpu" else 65_536


def batches_of(
    items: Sequence[ItemT], lengths: Sequence[int], model: Transformer, micro_batch: int | None
) -> Iterator[Sequence[ItemT]]:
    """Yield items with these lengths, the longest first, as many at a time as compute fast."""
    start = 0
    while start < len(items):
        size = micro_batch or max(1, column_budget(model) // lengths[start])
        yield items[start : start + size]
        start += size


def log_p_of_targets(
    model: Transformer, x_MD: Tensor, index_N: NDArray[np.int64], ids_N: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return found_2N: the log-probability of each target, and 1 where it is the most likely token.

    `index_N`, ascending, are the positions in M whose predictions the targets are.
    """
    device = x_MD.device
    size = max(64, (2**22 if device.type == "cpu" else 2**27) // model.vocabulary_size)
    parts: list[Tensor] = []
    for start in range(0, len(x_MD), size):
        stop = min(start + size, len(x_MD))
        first, last = np.searchsorted(index_N, [start, stop])
        rows_n = torch.from_numpy(index_N[first:last] - start).to(device)
        ids_n = torch.from_numpy(ids_N[first:last]).to(device)
        logits_mV = model.logits(x_MD[start:stop])
        log_p_n = logits_mV[rows_n, ids_n] - logits_mV.logsumexp(-1)[rows_n]
        parts.append(torch.stack([log_p_n, (logits_mV.argmax(-1)[rows_n] == ids_n).float()]))
    return torch.cat(parts, dim=1).cpu().double().numpy()


@dataclass
class SpanSums:
    """Collects the targets of spans, in any order of spans, each span's in the order of tokens."""

    spans: list[NDArray[np.int64]] = field(default_factory=list[NDArray[np.int64]])
    found: list[NDArray[np.float64]] = field(default_factory=list[NDArray[np.float64]])

    def add(self, spans_N: NDArray[np.int64], found_2N: NDArray[np.float64]) -> None:
        """Add targets, given the numbers of their spans."""
        self.spans.append(spans_N)
        self.found.append(found_2N)

    def likelihoods(self, count: int) -> list[SpanLikelihood]:
        """Return the sums of all spans, each of which has targets."""
        spans_N, found_2N = np.concatenate(self.spans), np.concatenate(self.found, axis=1)
        order = np.argsort(spans_N, kind="stable")
        starts = np.searchsorted(spans_N[order], np.arange(count))
        sums = np.add.reduceat(found_2N[0][order], starts)
        greedy = np.logical_and.reduceat(found_2N[1][order] > 0, starts)
        return [SpanLikelihood(float(a), bool(b)) for a, b in zip(sums, greedy, strict=True)]
