"""The negative log-likelihood of targets, without the whole table of logits.

Choices:
- A sum, never a mean: the one who trains divides by the targets of the whole global batch, and the
  one who scores by those of the whole text.
- Logits are made for some places at a time, and their gradient on the spot, in the forward pass.
  The table of N x V numbers in fp32 takes 2 GiB for 16,384 places and 32,768 tokens, and autograd
  keeps it several times over; computing it again in the backward pass would cost a third more.
- Nothing is lost by it: with 4,096 places of width 384 and 8,192 tokens in bf16 on two cores, loss
  and gradients take 0.18 s in pieces of 512 places, 0.27 s in one, 0.32 s through torch's
  cross_entropy, since large tensors fall out of the processor's caches. Pieces can be too small,
  though: each adds once to the whole gradient of the output matrix.
- The z-loss of Chowdhery et al. (2022, arXiv 2204.02311, section 5), z log²(sum exp(logits)), is
  added for each target that there is, so that padding pulls at nothing.
- Products are in the precision of the features, the softmax and the sum in fp32: summed in bf16,
  a loss moves in steps of 1/32.

Shapes: N places, D width, V vocabulary.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

IGNORED = -100
"""A target that is none, as in torch."""


class _Extras(NamedTuple):
    """What isn't a tensor that gets a gradient."""

    rows: int
    z_loss: float


def summed_nll(
    x_ND: Tensor,
    weight_VD: Tensor,
    targets_N: Tensor,
    rows: int | None = None,
    *,
    bias_V: Tensor | None = None,
    z_loss: float = 0.0,
) -> Tensor:
    """Sum -log softmax(x @ weight.T + bias)[target] over the targets that are not -100, in fp32.

    `rows` is how many places have their logits in memory at a time; None: what suits the device.
    `z_loss` times the squared log of each softmax's denominator is added.

    >>> blank = summed_nll(torch.zeros(3, 2), torch.ones(8, 2), torch.tensor([1, 5, -100]))
    >>> round(blank.item() / 2, 4)  # ln 8 for each of the two targets
    2.0794
    """
    if rows is None:
        rows = _rows_at_a_time(x_ND.device.type, len(weight_VD))
    with torch.autocast(x_ND.device.type, enabled=False):
        if torch.is_grad_enabled():
            return _SummedNll.apply(x_ND, weight_VD, bias_V, targets_N, _Extras(rows, z_loss))
        nll = x_ND.new_zeros((), dtype=torch.float32)
        weight_VD = weight_VD.to(x_ND.dtype)
        for x_nD, targets_n in zip(x_ND.split(rows), targets_N.split(rows), strict=True):
            piece = _Piece.of(x_nD, weight_VD, bias_V, targets_n)
            nll += piece.loss(z_loss)
        return nll


def _rows_at_a_time(device: str, vocabulary_size: int) -> int:
    """Return enough places to keep a device busy: at least 512 on a CPU, 4,096 elsewhere.

    >>> _rows_at_a_time("cpu", 8192), _rows_at_a_time("cpu", 256), _rows_at_a_time("cuda", 32768)
    (512, 16384, 4096)
    """
    rows, logits = (512, 2**22) if device == "cpu" else (4096, 2**27)
    return max(rows, logits // vocabulary_size)


class _SummedNll(torch.autograd.Function):
    """The sum, and beside it the gradients for a downstream gradient of one."""

    @staticmethod
    def forward(
        ctx: Any,
        x_ND: Tensor,
        weight_VD: Tensor,
        bias_V: Tensor | None,
        targets_N: Tensor,
        extras: _Extras,
    ) -> Tensor:
        rows, z_loss = extras
        cast_VD = weight_VD.to(x_ND.dtype)
        nll = x_ND.new_zeros((), dtype=torch.float32)
        dx_ND = torch.empty_like(x_ND)
        dweight_VD = torch.zeros_like(weight_VD)
        dbias_V = None if bias_V is None else torch.zeros_like(bias_V)
        for start in range(0, len(x_ND), rows):
            x_nD, targets_n = x_ND[start : start + rows], targets_N[start : start + rows]
            piece = _Piece.of(x_nD, cast_VD, bias_V, targets_n)
            nll += piece.loss(z_loss)
            g_nV = piece.gradient_(z_loss)
            if dbias_V is not None:
                dbias_V += g_nV.sum(dim=0)
            cast_nV = g_nV.to(x_ND.dtype)
            torch.mm(cast_nV, cast_VD, out=dx_ND[start : start + rows])
            part_VD = cast_nV.t() @ x_nD
            dweight_VD = part_VD.to(weight_VD.dtype) if start == 0 else dweight_VD.add_(part_VD)
        ctx.save_for_backward(dx_ND, dweight_VD, dbias_V)
        return nll

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None, None]:
        dx_ND, dweight_VD, dbias_V = ctx.saved_tensors
        # A factor like 1/N, rounded to bf16, would scale these two differently.
        dx_ND = (dx_ND.float() * gradients[0]).to(dx_ND.dtype)
        dbias_V = None if dbias_V is None else dbias_V * gradients[0]
        return dx_ND, dweight_VD * gradients[0], dbias_V, None, None


class _Piece(NamedTuple):
    """Some places: fp32 log-probabilities, and targets that can be looked up everywhere."""

    log_p_nV: Tensor
    picked_n: Tensor
    is_asked_n: Tensor
    log_sum_n: Tensor
    """Logarithm of the softmax's denominator."""

    @classmethod
    def of(
        cls, x_nD: Tensor, weight_VD: Tensor, bias_V: Tensor | None, targets_n: Tensor
    ) -> "_Piece":
        logits_nV = (x_nD @ weight_VD.t()).float()
        if bias_V is not None:
            logits_nV += bias_V
        log_p_nV, picked_n = logits_nV.log_softmax(dim=-1), targets_n.clamp_min(0)
        log_sum_n = logits_nV[:, 0] - log_p_nV[:, 0]
        return cls(log_p_nV, picked_n, targets_n != IGNORED, log_sum_n)

    def loss(self, z_loss: float) -> Tensor:
        """Sum over the targets that there are."""
        picked_log_p_n = self.log_p_nV.gather(-1, self.picked_n.unsqueeze(-1)).squeeze(-1)
        loss = -(picked_log_p_n * self.is_asked_n).sum()
        if z_loss:
            loss += z_loss * (self.log_sum_n.square() * self.is_asked_n).sum()
        return loss

    def gradient_(self, z_loss: float) -> Tensor:
        """Turn the log-probabilities into the gradient of the logits.

        That of the likelihood is the softmax, less one at the target; nothing where there is none.
        """
        g_nV = self.log_p_nV.exp_()
        if z_loss:
            g_nV.mul_((1 + 2 * z_loss * self.log_sum_n).unsqueeze(-1))
        g_nV[torch.arange(len(g_nV), device=g_nV.device), self.picked_n] -= 1
        return g_nV.mul_(self.is_asked_n.unsqueeze(-1))
