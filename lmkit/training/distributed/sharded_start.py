"""Memory and initial values for a model that was described on the `meta` device, and then sharded.

Choice: a process gets memory for its shards alone, and a few rows at a time are drawn beside them.
Every process draws all numbers and keeps its own: so a seed gives the same model for any number of
processes.
"""

import torch

from lmkit.model.initialization import initialize_weights
from lmkit.model.transformer import Transformer
from lmkit.training.distributed.sharded_weights import local_part


def initialize_shards(model: Transformer, device: torch.device, seed: int) -> None:
    """Give the shards of a described model memory on a device, and their initial values."""
    model.to_empty(device=device)
    initialize_weights(model.named_parameters(), model.config, seed, local_part)
