"""The model that a plan describes, before anything of it is wrapped for several processes."""

from contextlib import nullcontext

import torch

from lmkit.commands.pretrain.resolve import RunPlan
from lmkit.model.transformer import Transformer


def described_model(plan: RunPlan) -> Transformer:
    """Return a model with its initial values, or without memory where it will be sharded."""
    with torch.device("meta") if plan.is_sharded else nullcontext():
        model = Transformer(plan.model, plan.vocabulary_size, seed=plan.options.seed)
    model.recompute(plan.options.activation_checkpointing)
    return model
