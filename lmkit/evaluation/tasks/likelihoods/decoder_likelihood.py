"""Log-likelihoods of token spans under a decoder.

Choice: batches hold sequences of about the same length and as many columns as keep the device busy.
On a CPU larger batches are slower: the logits leave the caches.

Shapes: B sequences, T columns, N targets, M columns with targets, D hidden size.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lmkit.evaluation.tasks.likelihoods.target_likelihood import (
    Groups,
    SpanLikelihood,
    SpanSums,
    column_budget,
    log_p_of_targets,
)
from lmkit.evaluation.tasks.token_tries import TrieBatch, batches, tries_of
from lmkit.model.eval_mode import eval_mode
from lmkit.model.transformer import Transformer


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
        sums = SpanSums()
        with eval_mode(self.model):
            for some in batches(tries, column_budget(self.model), self.micro_batch):
                batch = TrieBatch.of(some)
                sums.add(batch.targets_3N[0], self._targets(batch))
        return sums.likelihoods(count)

    @property
    def _can_share(self) -> bool:
        return not self.model.encoding.adds_to_scores and not self.model.config.window

    def _targets(self, batch: TrieBatch) -> NDArray[np.float64]:
        """Return found_2N of a batch's targets, which are in the order of their columns."""
        device = self.model.embedding.weight.device
        visible_B1TS = None
        if batch.visible_BTT is not None:
            visible_B1TS = torch.from_numpy(batch.visible_BTT)[:, None].to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            x_BTD = self.model.features(
                torch.from_numpy(batch.tokens_BT).to(device),
                torch.from_numpy(batch.positions_BT).to(device),
                visible_B1TS=visible_B1TS,
            )
            columns_M, index_N = np.unique(batch.targets_3N[1], return_inverse=True)
            x_MD = x_BTD.flatten(0, 1)[torch.from_numpy(columns_M).to(device)]
            return log_p_of_targets(self.model, x_MD, index_N, batch.targets_3N[2])
