"""AdamW and Muon: what a person can choose, and one update that a broken gradient can't spoil.

Choices:
- Decoupled weight decay (Loshchilov and Hutter 2019, arXiv 1711.05101) on matrices and embeddings
  alone: a norm's gain or a bias that is pulled towards 0 only loses its scale.
- The norm of the gradient is checked before clipping. One NaN in the gradient makes the norm NaN,
  and clipping would spread it to every weight. Such a step is skipped: weights, moments and the
  optimizer's own step count stay as they were.
- The check stays on the device. The fused kernel reads the flag there, so that a GPU never waits
  for the CPU to look.
- Muon (Jordan et al. 2024) moves the matrices inside of blocks, AdamW all else: embeddings, the
  output matrix, gains and biases. Its updates are scaled to the size of AdamW's (Liu et al. 2025,
  arXiv 2502.16982, section 2.2), so one learning rate and one decay serve both. It has no flag for
  broken gradients: with it, a GPU waits for the norm at each step.
- torch is imported inside the functions, so that the options can be read without it.
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
    """Two optimizers that step together, each over parameters of its own."""

    def __init__(self, *parts: Optimizer) -> None:
        self.parts = parts

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of both."""
        return list(chain.from_iterable(part.param_groups for part in self.parts))

    @property
    def state(self) -> dict[Any, Any]:
        """What both remember, by parameter."""
        return {key: value for part in self.parts for key, value in part.state.items()}

    def step(self) -> None:
        """Move the weights."""
        for part in self.parts:
            part.step()

    def zero_grad(self) -> None:
        """Drop the gradients."""
        for part in self.parts:
            part.zero_grad()


def parts_of(optimizer: Optimizer | CombinedOptimizer) -> tuple[Optimizer, ...]:
    """Return torch's own optimizers."""
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
    """Take one step and drop the gradients; return their norm as it was before clipping.

    A step whose norm is NaN or infinite changes nothing. `norm_of` is the norm of gradients that
    lie in parts on several processes.
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
        # What a loss scaler would set: the fused kernel leaves everything alone where it is 1.
        optimizer.found_inf = not_finite.float()  # type: ignore[attr-defined]
    if max_norm is not None:
        clip_grads_with_norm_(parameters, max_norm, norm)
    optimizer.step()
    optimizer.zero_grad()
    return norm
