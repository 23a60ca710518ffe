"""The loss on held-out sequences, measured by all processes together.

Choices:
- Each data-parallel rank scores its part of the sequences; sums of losses and of tokens are added
  up, so the loss is a mean over tokens, whatever the number of ranks.
- With FSDP every rank runs as many forward passes as the one with most of them, since each needs
  the others' weights.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lmkit.evaluation.perplexity import score_rows
from lmkit.evaluation.text_score import Score
from lmkit.objectives.batch import MakeBatch
from lmkit.packing.token_rows import TokenSequences
from lmkit.training.distributed.parallelism import Parallelism


class Validation:
    """Measures the loss on all held-out sequences, split over the ranks.

    It is a mean over tokens, in whichever folder they are.
    """

    def __init__(
        self,
        parallelism: Parallelism,
        held_out: Mapping[str, TokenSequences],
        make_batch: MakeBatch,
        micro_batch: int,
    ) -> None:
        self._parallelism, self._held_out = parallelism, held_out
        self._make_batch, self._micro_batch = make_batch, micro_batch
        self.losses: dict[str, float] = {}
        """The last loss of each folder; empty before the first measurement."""

    @property
    def by_source(self) -> dict[str, float] | None:
        """The last losses by the names of the folders, where there are several.

        Folders of the same name have their paths.
        """
        if len(self.losses) < 2:
            return None
        names = [Path(folder).name for folder in self.losses]
        unique = len(set(names)) == len(names)
        return dict(zip(names if unique else self.losses, self.losses.values(), strict=True))

    def __call__(self) -> float:
        """Measure it; all ranks have to."""
        parallelism = self._parallelism
        scores = [self._local_score(rows) for rows in self._held_out.values()]
        if parallelism.data_parallel_size > 1:
            sums = [[score.nll, score.tokens] for score in scores]
            device = parallelism.accelerator.device
            totals = parallelism.reduce_sum(torch.tensor(sums, device=device).double())
            scores = [Score(nll, int(tokens), 0) for nll, tokens in totals.tolist()]
        self.losses.update((name, s.loss) for name, s in zip(self._held_out, scores, strict=True))
        return sum(scores, Score(0.0, 0, 0)).loss

    def _local_score(self, rows: TokenSequences) -> Score:
        """Return the sums over this rank's part of some sequences."""
        parallelism, rank = self._parallelism, self._parallelism.data_parallel_rank
        parts = np.array_split(np.arange(len(rows)), parallelism.data_parallel_size)
        passes_of_ranks = [-(-len(part) // self._micro_batch) for part in parts]
        score = Score(0.0, 0, 0)
        if len(parts[rank]):
            score = self._score(rows, parts[rank], self._micro_batch)
        if parallelism.mode == "fsdp":
            # The others need this process's shard of the weights in each of their passes.
            for _ in range(max(passes_of_ranks) - passes_of_ranks[rank]):
                self._score(rows, np.zeros(1, int), 1)
        return score

    def _score(self, rows: TokenSequences, part: NDArray[np.int64], micro_batch: int) -> Score:
        model, accelerator = self._parallelism.model, self._parallelism.accelerator
        return score_rows(
            model,
            rows,
            part,
            micro_batch,
            accelerator.device,
            lambda: accelerator.autocast(),
            self._make_batch,
        )
