"""Whether the blocks of a run are compiled: as typed, or as its length decides."""

import numpy as np
import torch

from lmkit.commands.pretrain.resolve import RunPlan
from lmkit.counter_rng import row_keys
from lmkit.training.checkpoints.run_folder import RunFolder
from lmkit.training.compilation import estimated_seconds, is_compiled
from lmkit.training.data.step_batches import TrainingRows
from lmkit.training.planning.forecast import batch_shape_of, flops_per_token

COMPILE = "compile"
"""What the choice of `auto` is called among the values that a run has resolved."""


def compiled_in(plan: RunPlan, folder: RunFolder) -> bool:
    """Return whether the blocks of a run are compiled, once that is settled."""
    option = plan.options.compile
    return (folder.known(COMPILE) if option == "auto" else option) == "yes"


def flops_of_a_token(plan: RunPlan, data: TrainingRows) -> float:
    """Return the FLOPs of training for a token of the text, from the shape of a batch."""
    rows = np.zeros(1, np.int64)
    batch = plan.make_batch(data.read(rows), row_keys(plan.options.seed, 1, rows))
    return sum(flops_per_token(plan.model, plan.vocabulary_size, batch_shape_of(batch)).values())


def compiles(
    plan: RunPlan, data: TrainingRows, device: torch.device, precision: str, micro_batch: int
) -> bool:
    """Return whether the blocks are compiled.

    Raises ConfigError where that was asked for and isn't possible.
    """
    option, hours = plan.options.compile, plan.options.hours
    if option != "auto":
        return is_compiled(option, device, 0.0)
    if hours is not None:
        return is_compiled(option, device, 3600 * hours)
    rows = plan.rows_per_rank * plan.steps
    flops = flops_of_a_token(plan, data) * rows * plan.packed.sequence_length
    blocks = plan.model.layers + (plan.model.decoder_layers or 0)
    seconds = estimated_seconds(flops, rows / micro_batch, blocks, device, precision)
    return is_compiled(option, device, seconds)
