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
from lmkit.objectives.registry import Objective
from lmkit.packing.token_rows import TokenRows
from lmkit.training.distributed.parallelism import Parallelism


def validation(
    team: "Parallelism",
    held_out: "dict[str, TokenRows]",
    objective: "Objective",
    micro_batch: int,
    losses: dict[str, float],
) -> "Callable[[], float] | None":
    """Return a function that measures the loss on all held-out rows, shared out over the ranks.

    It is a mean over tokens, whichever folder they are in; `losses` takes that of each folder.
    """
    if not held_out:
        return None

    device, context = team.accelerator.device, lambda: team.accelerator.autocast()

    def own(rows: "TokenRows") -> Score:
        shares = np.array_split(np.arange(len(rows)), team.readers)
        passes = [-(-len(share) // micro_batch) for share in shares]
        score = Score(0.0, 0, 0)
        if len(share := shares[team.reader]):
            score = score_rows(team.model, rows, share, micro_batch, device, context, objective)
        if team.way == "fsdp":
            # The others need this process's part of the weights as often as they ask.
            for _ in range(max(passes) - passes[team.reader]):
                score_rows(team.model, rows, np.zeros(1, int), 1, device, context, objective)
        return score

    def validate() -> float:
        scores = [own(rows) for rows in held_out.values()]
        if team.readers > 1:
            sums = [[score.nll, score.tokens] for score in scores]
            whole = team.summed(torch.tensor(sums, device=device).double())
            scores = [Score(nll, int(tokens), 0) for nll, tokens in whole.tolist()]
        losses.update((name, s.loss) for name, s in zip(held_out, scores, strict=True))
        return sum(scores, Score(0.0, 0, 0)).loss

    return validate
