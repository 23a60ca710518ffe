"""The model of a run without the learned positions that were never trained.

Choice: the table of positions is cut, rather than a shorter length declared beside it. Transformers
builds the table that config.json describes, so that `max_position_embeddings` is what was trained,
and a longer text is an error there instead of nonsense. The logits of all other texts stay equal.
"""

from dataclasses import replace
from typing import cast

from torch import nn

from lmkit.training.checkpoints.trained_model import TrainedRun

TABLE = "position_embedding"


def with_trained_positions(run: TrainedRun) -> TrainedRun:
    """Return a run's model with the positions that were trained; its tables are cut in place."""
    longest, trained = run.description.config.longest, run.description.trained_positions
    if longest is None or trained is None or trained == longest:
        return run
    for name, module in run.model.named_modules():
        if name.rpartition(".")[2] == TABLE:
            table = cast(nn.Embedding, module)
            rows = run.description.config.first_position + trained
            table.weight = nn.Parameter(table.weight[:rows].clone())
    model = run.description.model | {"max_positions": trained, "preset": None}
    return replace(run, description=run.description.model_copy(update={"model": model}))
