"""The optimizer of a model, and an update that is skipped where the gradient isn't finite.

Choices:
- The algorithms are in `training.optimizers`. One that updates only the matrices inside blocks,
  such as Muon, leaves the rest to AdamW: embeddings, the output matrix, norm weights and biases.
- Decoupled weight decay only on matrices and embeddings: decay of norm weights and biases would
  only reduce their scale.
- The norm of the gradient is checked before clipping. One NaN in the gradient makes the norm NaN,
  and clipping would spread it to every weight. Such a step is skipped: weights, moments and the
  optimizer's step count remain unchanged.
- The check remains on the device. AdamW's fused kernel reads the flag there, so that a GPU never
  waits for the CPU. With an algorithm that has no such flag, it waits for the norm at each step.
- An algorithm that needs full matrices gathers them where they are sharded (`gathered_optimizer`).
- Options are in `training.options`, so that they can be read without torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import Optimizer

from lmkit.training.distributed.gathered_optimizer import GatheredOptimizer
from lmkit.training.distributed.sharded_weights import LocalShard
from lmkit.training.optimizers.registry import ALGORITHMS, REST, Algorithm
from lmkit.training.options import OptimConfig

LR_FACTOR = "lr_factor"
"""Key of a parameter group: its learning rate, as a multiple of the run's."""


class CombinedOptimizer:
    """Optimizers that step together, each over its own parameters, and don't read `found_inf`."""

    def __init__(self, *parts: Optimizer) -> None:
        self.parts = parts

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of all."""
        return list(chain.from_iterable(part.param_groups for part in self.parts))

    @property
    def state(self) -> dict[Any, Any]:
        """The state of all, by parameter."""
        return {key: value for part in self.parts for key, value in part.state.items()}

    def step(self) -> None:
        """Update the weights."""
        for part in self.parts:
            part.step()

    def zero_grad(self) -> None:
        """Clear the gradients."""
        for part in self.parts:
            part.zero_grad()


def parts_of(optimizer: Optimizer | CombinedOptimizer) -> tuple[Optimizer, ...]:
    """Return torch's optimizers."""
    return optimizer.parts if isinstance(optimizer, CombinedOptimizer) else (optimizer,)


def optimizer_of_shards(
    shards: Sequence[LocalShard], config: OptimConfig, products: torch.dtype = torch.bfloat16
) -> Optimizer | CombinedOptimizer:
    """Return the optimizer of this process's shards of a model."""
    return optimizer_of([(shard.name, shard.local) for shard in shards], config, shards, products)


def optimizer_of(
    parameters: Iterable[tuple[str, nn.Parameter]],
    config: OptimConfig,
    shards: Sequence[LocalShard] = (),
    products: torch.dtype = torch.bfloat16,
) -> Optimizer | CombinedOptimizer:
    """Return the optimizer of parameters with these names; tied ones must be given once.

    Args:
        parameters: names and parameters.
        config: the options.
        shards: tell which of them are a part of a weight.
        products: what an algorithm that multiplies matrices does that in.

    """
    algorithm = ALGORITHMS[config.algorithm]
    taken: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in parameters:
        if parameter.requires_grad:
            is_taken = not algorithm.only_block_matrices or _is_inner(name, parameter)
            (taken if is_taken else rest).append(parameter)
    divided = ((algorithm, taken, 1.0), (ALGORITHMS[REST], rest, config.rest_lr_factor))
    owners = [(each, p, factor) for each, p, factor in divided if p]
    parts = [_build(each, p, config, shards, factor, products) for each, p, factor in owners]
    has_flag = len(parts) == 1 and owners[0][0].reads_found_inf
    return parts[0] if has_flag else CombinedOptimizer(*parts)


def _build(
    algorithm: Algorithm,
    parameters: list[nn.Parameter],
    config: OptimConfig,
    shards: Sequence[LocalShard],
    lr_factor: float,
    products: torch.dtype,
) -> Optimizer:
    known = config.model_copy(update={"lr": config.peak_lr})
    options = {name: getattr(known, name) for name in algorithm.options}
    if algorithm.multiplies_matrices:
        options["products"] = products
    groups, make = _groups(parameters, config.weight_decay), partial(algorithm.load(), **options)
    for group in groups:
        group[LR_FACTOR] = lr_factor
    if algorithm.needs_full_matrices and any(shard.is_sharded for shard in shards):
        return GatheredOptimizer(groups, make, shards)
    return make(groups)


def _groups(parameters: list[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Return torch's parameter groups: matrices decay, vectors don't."""
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def _is_inner(name: str, parameter: Tensor) -> bool:
    return parameter.ndim == 2 and "blocks." in name


def update(
    optimizer: Optimizer | CombinedOptimizer,
    max_norm: float | None,
    norm_of: Callable[[list[Tensor]], Tensor] | None = None,
) -> Tensor:
    """Take one step and clear the gradients; return their norm before clipping.

    A step whose norm is NaN or infinite changes nothing. `norm_of` computes the norm of gradients
    that are sharded over several processes.
    """
    groups = optimizer.param_groups
    parameters = [p for group in groups for p in group["params"] if p.grad is not None]
    norm = (norm_of or get_total_norm)([p.grad for p in parameters])
    not_finite = ~norm.isfinite()
    if isinstance(optimizer, CombinedOptimizer):
        if not_finite.item():
            optimizer.zero_grad()
            return norm
    else:
        # The flag that a loss scaler sets: the fused kernel changes nothing where it is 1.
        optimizer.found_inf = not_finite.float()  # type: ignore[attr-defined]
    if max_norm is not None:
        clip_grads_with_norm_(parameters, max_norm, norm)
    optimizer.step()
    optimizer.zero_grad()
    return norm
