"""The loss on held-out sequences, measured by all processes together.

Choices:
- Each data-parallel rank scores its part of the sequences; sums of losses and of tokens are added
  up, so the loss is a mean over tokens, whatever the number of ranks.
- With FSDP every rank runs as many forward passes as the one with most of them, since each needs
  the others' weights.
"""

from collections.abc import Callable

import numpy as np
import torch

from lmkit.evaluation.perplexity import Score, score_rows
from lmkit.objectives.batch import MakeBatch
from lmkit.packing.token_rows import TokenSequences
from lmkit.training.distributed.parallelism import Parallelism


def validation(
    parallelism: "Parallelism",
    held_out: "dict[str, TokenSequences]",
    make_batch: MakeBatch,
    micro_batch: int,
    losses: dict[str, float],
) -> "Callable[[], float] | None":
    """Return a function that measures the loss on all held-out sequences, split over the ranks.

    It is a mean over tokens, in whichever folder they are; `losses` gets that of each folder.
    """
    if not held_out:
        return None

    device, context = parallelism.accelerator.device, lambda: parallelism.accelerator.autocast()

    def local_score(rows: "TokenSequences") -> Score:
        fractions = np.array_split(np.arange(len(rows)), parallelism.data_parallel_size)
        passes_of_ranks = [-(-len(part) // micro_batch) for part in fractions]
        score = Score(0.0, 0, 0)
        if len(part := fractions[parallelism.data_parallel_rank]):
            score = score_rows(
                parallelism.model, rows, part, micro_batch, device, context, make_batch
            )
        if parallelism.mode == "fsdp":
            # The others need this process's shard of the weights in each of their passes.
            for _ in range(max(passes_of_ranks) - passes_of_ranks[parallelism.data_parallel_rank]):
                score_rows(
                    parallelism.model, rows, np.zeros(1, int), 1, device, context, make_batch
                )
        return score

    def validate() -> float:
        scores = [local_score(rows) for rows in held_out.values()]
        if parallelism.data_parallel_size > 1:
            sums = [[score.nll, score.tokens] for score in scores]
            totals = parallelism.reduce_sum(torch.tensor(sums, device=device).double())
            scores = [Score(nll, int(tokens), 0) for nll, tokens in totals.tolist()]
        losses.update((name, s.loss) for name, s in zip(held_out, scores, strict=True))
        return sum(scores, Score(0.0, 0, 0)).loss

    return validate
