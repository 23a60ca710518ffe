"""The negative log-likelihood of targets, without the whole table of logits.

Choices:
- A sum, never a mean: the one who trains divides by the targets of the whole global batch, and the
  one who scores by those of the whole text.
- Logits are made for some rows at a time, and their gradient on the spot, in the forward pass.
  A table of N x V numbers in fp32 would need several times that in memory (2 GB for 16,384 places
  and 32,768 tokens), and computing it again in the backward pass would cost a third more.
- Products are in the precision of the features, the softmax and the sum in fp32: summed in bf16,
  a loss moves in steps of 1/32.

Shapes: N places, D width, V vocabulary.
"""

from typing import Any

import torch
from torch import Tensor

IGNORED = -100
"""A target that is none, as in torch."""

CHUNK_ELEMENTS = 2**25
"""Logits held at a time: 128 MiB in fp32."""


def summed_nll(
    x_ND: Tensor, weight_VD: Tensor, targets_N: Tensor, chunk_elements: int = CHUNK_ELEMENTS
) -> Tensor:
    """Sum -log softmax(x @ weight.T)[target] over the targets that are not -100, in fp32.

    >>> logits_free = summed_nll(torch.zeros(3, 2), torch.ones(8, 2), torch.tensor([1, 5, -100]))
    >>> round(logits_free.item() / 2, 4)  # ln 8 for each of the two targets
    2.0794
    """
    rows = max(1, chunk_elements // weight_VD.shape[0])
    with torch.autocast(x_ND.device.type, enabled=False):
        if torch.is_grad_enabled():
            return _SummedNll.apply(x_ND, weight_VD, targets_N, rows)  # pyright: ignore[reportReturnType]
        nll = x_ND.new_zeros((), dtype=torch.float32)
        weight_VD = weight_VD.to(x_ND.dtype)
        for x_nD, targets_n in zip(x_ND.split(rows), targets_N.split(rows), strict=True):
            log_p_nV, picked_n = _log_softmax(x_nD, weight_VD, targets_n)
            nll -= _picked(log_p_nV, picked_n, targets_n)
        return nll


class _SummedNll(torch.autograd.Function):
    """The sum, and beside it the gradients for a downstream gradient of one."""

    @staticmethod
    def forward(
        ctx: Any, x_ND: Tensor, weight_VD: Tensor, targets_N: Tensor, rows: int
    ) -> Tensor:
        cast_VD = weight_VD.to(x_ND.dtype)
        nll = x_ND.new_zeros((), dtype=torch.float32)
        dx_ND = torch.empty_like(x_ND)
        dweight_VD = torch.zeros_like(weight_VD)
        for start in range(0, len(x_ND), rows):
            x_nD, targets_n = x_ND[start : start + rows], targets_N[start : start + rows]
            log_p_nV, picked_n = _log_softmax(x_nD, cast_VD, targets_n)
            nll -= _picked(log_p_nV, picked_n, targets_n)
            # d nll / d logits is the softmax, less one at the target; nothing where there is none
            g_nV = log_p_nV.exp_()
            g_nV[torch.arange(len(x_nD), device=x_nD.device), picked_n] -= 1
            g_nV.mul_((targets_n != IGNORED).unsqueeze(-1))
            cast_nV = g_nV.to(x_ND.dtype)
            torch.mm(cast_nV, cast_VD, out=dx_ND[start : start + rows])
            part_VD = cast_nV.t() @ x_nD
            dweight_VD = part_VD.to(weight_VD.dtype) if start == 0 else dweight_VD.add_(part_VD)
        ctx.save_for_backward(dx_ND, dweight_VD)
        return nll

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        dx_ND, dweight_VD = ctx.saved_tensors
        return dx_ND * gradients[0].to(dx_ND.dtype), dweight_VD * gradients[0], None, None


def _log_softmax(x_nD: Tensor, weight_VD: Tensor, targets_n: Tensor) -> tuple[Tensor, Tensor]:
    """Return fp32 log-probabilities, and targets that can be looked up everywhere."""
    logits_nV = (x_nD @ weight_VD.t()).float()
    return logits_nV.log_softmax(dim=-1), targets_n.clamp_min(0)


def _picked(log_p_nV: Tensor, picked_n: Tensor, targets_n: Tensor) -> Tensor:
    """Sum the log-probabilities of the targets that there are."""
    picked_log_p_n = log_p_nV.gather(-1, picked_n.unsqueeze(-1)).squeeze(-1)
    return (picked_log_p_n * (targets_n != IGNORED)).sum()
