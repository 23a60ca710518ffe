"""Log-likelihoods of token spans under a decoder.

Choices:
- Logits are computed only where a token is predicted, some positions at a time: of a long context
  with a short continuation, the output matrix would otherwise be most of the work.
- Batches hold sequences of about the same length and as many columns as keep the device busy. On a
  CPU larger batches are slower: the logits leave the caches.
- The softmax is over the whole output matrix, also over rows that are no token's.
- The sums of a span are in float64, over its tokens in order: they don't depend on the batches.

Shapes: B sequences, T columns, N targets, D hidden size, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmkit.evaluation.tasks.token_spans import TokenSpan
from lmkit.evaluation.tasks.token_tries import TrieBatch, batches, tries_of
from lmkit.model.eval_mode import eval_mode
from lmkit.model.transformer import Transformer

Groups = Sequence[Sequence[Sequence[TokenSpan]]]
"""The spans of each request of each item."""


class SpanLikelihood(NamedTuple):
    """How likely the targets of a span are."""

    log_likelihood: float
    is_greedy: bool


class SpanLikelihoods(Protocol):
    """Returns the likelihood of every span, in order."""

    def __call__(self, groups: Groups) -> list[SpanLikelihood]:
        """Score the spans of some items."""
        ...


@dataclass(frozen=True)
class DecoderLikelihood:
    """The likelihoods that a decoder gives to spans."""

    model: Transformer
    precision: Literal["fp32", "bf16"] = "fp32"
    micro_batch: int | None = None
    """Sequences to compute at a time; None: as many as the device computes fast."""

    def __call__(self, groups: Groups) -> list[SpanLikelihood]:
        """Return the likelihood of every span, in order."""
        tries, count = tries_of(groups, share=self._can_share)
        spans, numbers = list[NDArray[np.int64]](), list[NDArray[np.float64]]()
        budget = 4_096 if self._device.type == "cpu" else 65_536
        with eval_mode(self.model):
            for some in batches(tries, budget, self.micro_batch):
                batch = TrieBatch.of(some)
                log_p_N, greedy_N = self._targets(batch)
                spans.append(batch.targets_3N[0])
                numbers.append(np.stack([log_p_N, greedy_N]))
        return _by_span(np.concatenate(spans), np.concatenate(numbers, axis=1), count)

    @property
    def _device(self) -> torch.device:
        return self.model.embedding.weight.device

    @property
    def _can_share(self) -> bool:
        return not self.model.encoding.adds_to_scores and not self.model.config.window

    def _targets(self, batch: TrieBatch) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return of each target its log-probability, and whether it is the most likely token."""
        device = self._device
        visible_BTT = batch.visible_BTT
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            x_BTD = self.model.features(
                torch.from_numpy(batch.tokens_BT).to(device),
                torch.from_numpy(batch.positions_BT).to(device),
                visible_B1TS=None
                if visible_BTT is None
                else torch.from_numpy(visible_BTT)[:, None].to(device),
            )
            columns, index_N = np.unique(batch.targets_3N[1], return_inverse=True)
            x_MD = x_BTD.flatten(0, 1)[torch.from_numpy(columns).to(device)]
            parts = [
                self._logits_at(x_MD, start, stop, index_N, batch.targets_3N[2])
                for start, stop in _chunks(len(columns), self.model.vocabulary_size, device.type)
            ]
        found_2N = torch.cat(parts, dim=1).double().cpu().numpy()
        return found_2N[0], found_2N[1]

    def _logits_at(
        self,
        x_MD: Tensor,
        start: int,
        stop: int,
        index_N: NDArray[np.int64],
        ids_N: NDArray[np.int64],
    ) -> Tensor:
        """Compute the logits of some columns; return log-probabilities and whether the best."""
        first, last = np.searchsorted(index_N, [start, stop])
        rows_n = torch.from_numpy(index_N[first:last] - start).to(x_MD.device)
        ids_n = torch.from_numpy(ids_N[first:last]).to(x_MD.device)
        logits_mV = self.model.logits(x_MD[start:stop])
        log_p_n = logits_mV[rows_n, ids_n] - logits_mV.logsumexp(-1)[rows_n]
        return torch.stack([log_p_n, (logits_mV.argmax(-1)[rows_n] == ids_n).float()])


def _chunks(count: int, vocabulary_size: int, device: str) -> list[tuple[int, int]]:
    """Divide columns so that the logits of each chunk fit into the caches of a CPU."""
    size = max(64, (2**22 if device == "cpu" else 2**27) // vocabulary_size)
    return [(start, min(start + size, count)) for start in range(0, count, size)]


def _by_span(
    spans_N: NDArray[np.int64], found_2N: NDArray[np.float64], count: int
) -> list[SpanLikelihood]:
    """Sum the targets of each span, in the order of its tokens.

    Inside a batch the targets are in the order of their columns: a span's, in its own order.
    """
    order = np.argsort(spans_N, kind="stable")
    starts = np.searchsorted(spans_N[order], np.arange(count))
    sums = np.add.reduceat(found_2N[0][order], starts)
    greedy = np.logical_and.reduceat(found_2N[1][order] > 0, starts)
    return [SpanLikelihood(float(a), bool(b)) for a, b in zip(sums, greedy, strict=True)]
