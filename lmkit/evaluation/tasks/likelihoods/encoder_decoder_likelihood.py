"""Log-likelihoods of token spans under an encoder-decoder: context to the encoder, targets decoded.

    sentinel (t5)      source  context <extra_id_0> </s>    target  <pad> <extra_id_0> | targets
    sentinel (bart)    source  context <mask> </s>          target  <pad> context | targets
    lm-eval            source  context </s>                 target  <pad> | targets

Choices:
- `sentinel` asks in the form that span corruption was trained with: the continuation is a masked
  span. `lm-eval` is what lm-evaluation-harness computes, a form that such a model has never read.
- Each source is encoded once, for all its continuations.
- EOS after the continuation isn't predicted.
- Without a context, lm-evaluation-harness' source is BOS alone where the tokenizer has one, else
  EOS.

Shapes: B spans, U sources, S source columns, T target columns, D hidden size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmkit.evaluation.tasks.likelihoods.target_likelihood import (
    Groups,
    SpanLikelihood,
    SpanSums,
    column_budget,
    log_p_of_targets,
)
from lmkit.evaluation.tasks.token_spans import TokenSpan
from lmkit.model.eval_mode import eval_mode
from lmkit.model.transformer import Source, Transformer

How = Literal["sentinel", "lm-eval"]


@dataclass(frozen=True)
class SourceFormat:
    """The special tokens around a context and its continuation."""

    start: int
    """The first token of a target."""
    eos: int
    masked: int | None
    """What stands in the source for the continuation; None: nothing."""
    target_begins_with: Literal["nothing", "sentinel", "context"]
    without_context: int | None = None
    """The whole source of a span without a context; None: a source as any other."""

    def source(self, span: TokenSpan) -> tuple[int, ...]:
        """Return what the encoder reads."""
        masked = () if self.masked is None else (self.masked,)
        context = self._context(span)
        if not context and self.without_context is not None:
            return (self.without_context,)
        return (*context, *masked, self.eos)

    def target(self, span: TokenSpan) -> tuple[int, ...]:
        """Return what the decoder reads and predicts; the predicted tokens are the last ones."""
        before: tuple[int, ...] = ()
        if self.target_begins_with == "sentinel" and self.masked is not None:
            before = (self.masked,)
        elif self.target_begins_with == "context":
            before = self._context(span)
        return (self.start, *before, *span.targets)

    def _context(self, span: TokenSpan) -> tuple[int, ...]:
        """Return the context; nothing where EOS takes the place of an empty one."""
        context = span.tokens[: span.first_target]
        return () if context == (self.eos,) else context


@dataclass(frozen=True)
class EncoderDecoderLikelihood:
    """The likelihoods that an encoder-decoder gives to spans."""

    model: Transformer
    format: SourceFormat
    precision: Literal["fp32", "bf16"] = "fp32"
    micro_batch: int | None = None
    """Spans to compute at a time; None: as many as the device computes fast."""

    def __call__(self, groups: Groups) -> list[SpanLikelihood]:
        """Return the likelihood of every span, in order."""
        spans = [span for item in groups for request in item for span in request]
        # Sources of about the same length, and equal ones next to one another.
        order = sorted(range(len(spans)), key=lambda number: _order(spans[number]))
        sums, start = SpanSums(), 0
        with eval_mode(self.model):
            while start < len(order):
                length = len(spans[order[start]].tokens) + 2
                size = self.micro_batch or max(1, column_budget(self.model) // length)
                numbers = order[start : start + size]
                some = [spans[number] for number in numbers]
                counts = [len(span.targets) for span in some]
                sums.add(np.repeat(np.array(numbers, np.int64), counts), self._targets(some))
                start += size
        return sums.likelihoods(len(spans))

    def _targets(self, spans: Sequence[TokenSpan]) -> NDArray[np.float64]:
        sources = [self.format.source(span) for span in spans]
        unique = {source: number for number, source in enumerate(dict.fromkeys(sources))}
        index_B = torch.tensor([unique[source] for source in sources], device=self._device)
        targets = [self.format.target(span) for span in spans]
        tokens_BT, documents_BT = self._padded([target[:-1] for target in targets])
        is_predicted_BT = np.zeros(tuple(tokens_BT.shape), np.bool_)
        for row, (span, target) in enumerate(zip(spans, targets, strict=True)):
            is_predicted_BT[row, len(target) - 1 - len(span.targets) : len(target) - 1] = True
        ids_N = np.array([token for span in spans for token in span.targets], np.int64)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            tokens_US, documents_US = self._padded(list(unique))
            encoded = self.model.encode(tokens_US, self._positions(tokens_US), documents_US)
            source = Source(encoded.x_BSD[index_B], documents_US[index_B])
            x_BTD = self.model.features(
                tokens_BT, self._positions(tokens_BT), documents_BT, source=source
            )
            x_ND = x_BTD[torch.from_numpy(is_predicted_BT).to(self._device)]
            return log_p_of_targets(self.model, x_ND, np.arange(len(ids_N)), ids_N)

    @property
    def _device(self) -> torch.device:
        return self.model.embedding.weight.device

    def _padded(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Return tokens, and documents: 1, and 0 at padding."""
        shape = len(rows), max(map(len, rows))
        tokens_BT, documents_BT = np.zeros(shape, np.int64), np.zeros(shape, np.int32)
        for row, tokens in enumerate(rows):
            tokens_BT[row, : len(tokens)] = tokens
            documents_BT[row, : len(tokens)] = 1
        device = self._device
        return torch.from_numpy(tokens_BT).to(device), torch.from_numpy(documents_BT).to(device)

    def _positions(self, tokens_BT: Tensor) -> Tensor:
        return torch.arange(tokens_BT.shape[1], device=tokens_BT.device).expand(tokens_BT.shape)


def _order(span: TokenSpan) -> tuple[int, tuple[int, ...]]:
    return -span.first_target, span.tokens
