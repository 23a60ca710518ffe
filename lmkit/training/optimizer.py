"""AdamW and Muon, and an update that is skipped where the gradient isn't finite.

Choices:
- Decoupled weight decay (Loshchilov and Hutter 2019, arXiv 1711.05101) only on matrices and
  embeddings: decay of norm weights and biases would only reduce their scale.
- The norm of the gradient is checked before clipping. One NaN in the gradient makes the norm NaN,
  and clipping would spread it to every weight. Such a step is skipped: weights, moments and the
  optimizer's step count remain unchanged.
- The check remains on the device. The fused kernel reads the flag there, so that a GPU never waits
  for the CPU.
- Muon (Jordan et al. 2024) updates the matrices inside blocks, AdamW all else: embeddings, the
  output matrix, norm weights and biases. Its updates are scaled to the size of AdamW's (Liu et al.
  2025, arXiv 2502.16982, section 2.2), so one learning rate and one decay serve both. It has no
  flag for gradients that aren't finite: with it, a GPU waits for the norm at each step.
- Options are in `training.options`, so that they can be read without torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import AdamW, Muon, Optimizer

from lmkit.training.options import OptimConfig


class CombinedOptimizer:
    """Several optimizers that step together, each over its own parameters."""

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


def optimizer_of(
    parameters: Iterable[tuple[str, nn.Parameter]], config: OptimConfig
) -> Optimizer | CombinedOptimizer:
    """Return the optimizer of parameters with these names; tied ones must be given once."""
    named = [(name, p) for name, p in parameters if p.requires_grad]
    by_muon = {name for name, p in named if config.algorithm == "muon" and _is_inner(name, p)}
    matrices = [p for name, p in named if p.ndim >= 2 and name not in by_muon]
    vectors = [p for _, p in named if p.ndim < 2]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    adamw = AdamW(
        [group for group in groups if group["params"]],
        lr=config.lr,
        betas=(config.beta1, config.beta2),
        eps=config.eps,
        fused=True,
    )
    if not by_muon:
        return adamw
    muon = Muon(
        [p for name, p in named if name in by_muon],
        lr=config.lr,
        weight_decay=config.weight_decay,
        momentum=config.momentum,
        adjust_lr_fn="match_rms_adamw",
    )
    return CombinedOptimizer(muon, adamw)


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
