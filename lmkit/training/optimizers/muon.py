"""Muon: updates of matrices are orthogonalized (Jordan et al. 2024).

Choices:
- Updates have the size of AdamW's (Liu et al. 2025, arXiv 2502.16982, section 2.2), so one learning
  rate and one decay serve both: each number moves by 0.2 times the rate, as a root mean square.
- Matrices of one shape are orthogonalized together, some at a time. `torch.optim.Muon` takes one
  after the other, and then the update takes two to three times as long on a CPU. The mathematics
  and the names in checkpoints are its own.
- Its products are in the precision of the run's. A CPU without units for bf16 takes 4 to 45 times
  as long for products in bf16 as in fp32, and the update would take longer than the rest of a step.
- It has no flag for gradients that aren't finite.

Shapes: N matrices of R rows and C columns.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic Newton-Schulz iteration, and how often it is repeated: those of Jordan et al."""
ITERATIONS = 5
LEAST_NORM = 1e-7
SIZE = 0.2
"""Root mean square of an update at learning rate 1: that of AdamW's in practice (Liu et al.)."""
NUMBERS_TOGETHER = 2**24
"""Numbers of the matrices that are orthogonalized together: 32 MB in bf16."""


class Muon(Optimizer):
    """Orthogonalized Nesterov momentum, with decoupled weight decay."""

    def __init__(
        self,
        groups: list[dict[str, Any]],
        *,
        lr: float,
        momentum: float,
        products: torch.dtype = torch.bfloat16,
    ) -> None:
        """Take parameter groups; `products` is what matrices are multiplied in."""
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": 0.0})
        self._products = products

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # pyright: ignore  # noqa: ARG002
        """Update the weights."""
        for group in self.param_groups:
            for weights in _of_one_shape([p for p in group["params"] if p.grad is not None]):
                self._update(weights, group)

    def _update(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        """Update matrices of one shape."""
        momentum, lr = group["momentum"], group["lr"]
        directions: list[Tensor] = []
        for weight in weights:
            assert weight.grad is not None
            state = self.state[weight]
            if not state:
                state["momentum_buffer"] = torch.zeros_like(weight.grad)
            mean = state["momentum_buffer"].lerp_(weight.grad, 1 - momentum)
            directions.append(weight.grad.lerp(mean, momentum).to(self._products))
        rate = lr * SIZE * math.sqrt(max(weights[0].shape))
        for weight, update in zip(weights, orthogonalized(torch.stack(directions)), strict=True):
            weight.mul_(1 - lr * group["weight_decay"])
            weight.add_(update, alpha=-rate)


def orthogonalized(x_NRC: Tensor) -> Tensor:
    """Return matrices with about the same singular vectors, and singular values of about 1."""
    is_tall = x_NRC.shape[1] > x_NRC.shape[2]
    if is_tall:  # the product of its smaller side with itself costs less
        x_NRC = x_NRC.mT
    x_NRC = x_NRC / x_NRC.flatten(1).norm(dim=1).clamp(min=LEAST_NORM)[:, None, None]
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram_NRR = torch.bmm(x_NRC, x_NRC.mT)
        update_NRR = torch.baddbmm(gram_NRR, gram_NRR, gram_NRR, beta=b, alpha=c)
        x_NRC = torch.baddbmm(x_NRC, update_NRR, x_NRC, beta=a)
    return x_NRC.mT if is_tall else x_NRC


def _of_one_shape(weights: list[Tensor]) -> Iterator[list[Tensor]]:
    """Yield matrices of one shape and device, as many as are computed together."""
    by_shape: dict[tuple[torch.Size, torch.device], list[Tensor]] = {}
    for weight in weights:
        by_shape.setdefault((weight.shape, weight.device), []).append(weight)
    for same in by_shape.values():
        together = max(1, NUMBERS_TOGETHER // same[0].numel())
        for first in range(0, len(same), together):
            yield same[first : first + together]
