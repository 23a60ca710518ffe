"""AdamW: what a person can choose, and one update that a broken gradient can't spoil.

Choices:
- Decoupled weight decay (Loshchilov and Hutter 2019, arXiv 1711.05101) on matrices and embeddings
  alone: a norm's gain or a bias that is pulled towards 0 only loses its scale.
- The norm of the gradient is checked before clipping. One NaN in the gradient makes the norm NaN,
  and clipping would spread it to every weight. Such a step is skipped: weights, moments and the
  optimizer's own step count stay as they were.
- The check stays on the device. The fused kernel reads the flag there, so that a GPU never waits
  for the CPU to look.
- torch is imported inside the functions, so that the options can be read without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from lmkit.config import Group

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import AdamW


class OptimConfig(Group):
    """How the weights follow the gradient."""

    lr: Annotated[float, Field(gt=0)] = 1e-3
    """Peak learning rate."""

    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share of the running mean of the gradient that a step keeps."""

    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.95
    """Share of the running mean of the squared gradient that a step keeps."""

    eps: Annotated[float, Field(gt=0)] = 1e-8
    """Added to the root of the mean square, against division by 0."""

    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    """Pull of matrices and embeddings towards 0, times the learning rate."""

    clip: Annotated[float, Field(gt=0)] | None = 1.0
    """Longest gradient, as the norm over all weights; none: never cut."""


def make_optimizer(model: nn.Module, config: OptimConfig) -> AdamW:
    """Return AdamW over the parameters of a model on its device; tied ones count once."""
    from torch.optim import AdamW

    parameters = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in parameters if p.ndim >= 2]
    vectors = [p for p in parameters if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return AdamW(
        [group for group in groups if group["params"]],
        lr=config.lr,
        betas=(config.beta1, config.beta2),
        eps=config.eps,
        fused=True,
    )


def update(optimizer: AdamW, clip: float | None) -> Tensor:
    """Take one step and drop the gradients; return their norm as it was before clipping.

    A step whose norm is NaN or infinite changes nothing.
    """
    from torch.nn.utils import clip_grads_with_norm_, get_total_norm

    groups = optimizer.param_groups
    parameters = [p for group in groups for p in group["params"] if p.grad is not None]
    norm = get_total_norm([p.grad for p in parameters])
    # What a loss scaler would set: the fused kernel leaves everything alone where it is 1.
    optimizer.found_inf = (~norm.isfinite()).float()  # type: ignore[attr-defined]
    if clip is not None:
        clip_grads_with_norm_(parameters, clip, norm)
    optimizer.step()
    optimizer.zero_grad()
    return norm
