"""Log-likelihoods of token spans under an encoder with two streams, as XLNet's.

Choice: the targets are predicted from left to right, each by its query from the tokens before it.
That is one of the orders that the model was trained with, so the sum is an exact log-likelihood,
and no masks are needed. No token follows the targets: it would be visible to them.

Shapes: B spans, T columns, Q queries, N targets, D hidden size.
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


@dataclass(frozen=True)
class PermutationLikelihood:
    """The likelihoods that an encoder with two streams gives to spans."""

    model: Transformer
    precision: Literal["fp32", "bf16"] = "fp32"
    micro_batch: int | None = None
    """Spans to compute at a time; None: as many as the device computes fast."""

    def __call__(self, groups: Groups) -> list[SpanLikelihood]:
        """Return the likelihood of every span, in order."""
        spans = [span for item in groups for request in item for span in request]
        sums = SpanSums()
        with eval_mode(self.model):
            for numbers in self._batches(spans):
                some = [spans[number] for number in numbers]
                counts = [len(span.targets) for span in some]
                sums.add(np.repeat(np.array(numbers, np.int64), counts), self._targets(some))
        return sums.likelihoods(len(spans))

    def _batches(self, spans: Sequence[TokenSpan]) -> Iterator[Sequence[int]]:
        """Return the numbers of spans of about the same length, the longest first."""
        order = sorted(range(len(spans)), key=lambda number: -len(spans[number].tokens))
        lengths = [len(spans[number].tokens) for number in order]
        return batches_of(order, lengths, self.model, self.micro_batch)

    def _targets(self, spans: Sequence[TokenSpan]) -> NDArray[np.float64]:
        shape = len(spans), max(len(span.tokens) for span in spans)
        tokens_BT, documents_BT = np.zeros(shape, np.int64), np.zeros(shape, np.int32)
        order_BT = np.full(shape, -1, np.int64)
        queries_BQ = np.zeros((shape[0], max(len(span.targets) for span in spans)), np.int64)
        is_query_BQ = np.zeros(queries_BQ.shape, np.bool_)
        for row, (tokens, first) in enumerate(spans):
            count = len(tokens) - first
            tokens_BT[row, : len(tokens)] = tokens
            documents_BT[row, : len(tokens)] = 1
            order_BT[row, first : len(tokens)] = np.arange(count)
            queries_BQ[row, :count] = np.arange(first, len(tokens))
            is_query_BQ[row, :count] = True
        ids_N = np.take_along_axis(tokens_BT, queries_BQ, axis=1)[is_query_BQ]
        device = self.model.embedding.weight.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            x_BQD = self.model.query_features(
                torch.from_numpy(tokens_BT).to(device),
                torch.arange(shape[1], device=device).expand(shape),
                torch.from_numpy(documents_BT).to(device),
                torch.from_numpy(order_BT).to(device),
                torch.from_numpy(queries_BQ).to(device),
            )
            x_ND = x_BQD[torch.from_numpy(is_query_BQ).to(device)]
            return log_p_of_targets(self.model, x_ND, np.arange(len(ids_N)), ids_N)
