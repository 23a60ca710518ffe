"""The negative log-likelihood of targets, without materializing all logits.

Choices:
- A sum, never a mean: training divides by the number of targets of the global batch, and evaluation
  by that of the full text.
- Logits are computed in chunks of positions, and their gradient immediately, in the forward pass.
  The N x V logits in fp32 take 2 GiB for 16,384 positions and 32,768 tokens, and autograd keeps
  them several times over; recomputing them in the backward pass would cost a third more.
- It isn't slower: with 4,096 positions of hidden size 384 and 8,192 tokens in bf16 on two cores,
  loss and gradients take 0.18 s in chunks of 512 positions, 0.27 s in one chunk, 0.32 s through
  torch's cross_entropy, since large tensors don't fit into the processor's caches. Chunks can be
  too small, though: each adds once to the full gradient of the output matrix.
- The z-loss of Chowdhery et al. (2022, arXiv 2204.02311, section 5), z log²(sum exp(logits)), is
  added for actual targets only, so that padding has no effect on it.
- Products are in the precision of the features, the softmax and the sum in fp32: summed in bf16,
  a loss moves in steps of 1/32.

Shapes: N positions, n positions of a chunk, D hidden size, V vocabulary.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

IGNORED = -100
"""The target of positions without one, as in torch."""


class _Settings(NamedTuple):
    """Arguments that aren't tensors with a gradient."""

    chunk_size: int
    z_loss: float


def summed_nll(
    x_ND: Tensor,
    weight_VD: Tensor,
    targets_N: Tensor,
    chunk_size: int | None = None,
    *,
    bias_V: Tensor | None = None,
    z_loss: float = 0.0,
) -> Tensor:
    """Sum -log softmax(x @ weight.T + bias)[target] over the targets that are not -100, in fp32.

    `chunk_size` is the number of positions whose logits are in memory at a time; None: a default
    for the device. `z_loss` times the squared log of each softmax's denominator is added.

    >>> uniform = summed_nll(torch.zeros(3, 2), torch.ones(8, 2), torch.tensor([1, 5, -100]))
    >>> round(uniform.item() / 2, 4)  # ln 8 for each of the two targets
    2.0794
    """
    if chunk_size is None:
        chunk_size = _default_chunk_size(x_ND.device.type, len(weight_VD))
    with torch.autocast(x_ND.device.type, enabled=False):
        if torch.is_grad_enabled():
            return _SummedNll.apply(
                x_ND, weight_VD, bias_V, targets_N, _Settings(chunk_size, z_loss)
            )
        nll = x_ND.new_zeros((), dtype=torch.float32)
        weight_VD = weight_VD.to(x_ND.dtype)
        for x_nD, targets_n in zip(
            x_ND.split(chunk_size), targets_N.split(chunk_size), strict=True
        ):
            chunk = _Chunk.of(x_nD, weight_VD, bias_V, targets_n)
            nll += chunk.loss(z_loss)
        return nll


def _default_chunk_size(device: str, vocabulary_size: int) -> int:
    """Return enough positions to keep a device busy: at least 512 on a CPU, 4,096 elsewhere.

    >>> _default_chunk_size("cpu", 8192), _default_chunk_size("cpu", 256)
    (512, 16384)
    >>> _default_chunk_size("cuda", 32768)
    4096
    """
    chunk_size, logits = (512, 2**22) if device == "cpu" else (4096, 2**27)
    return max(chunk_size, logits // vocabulary_size)


class _SummedNll(torch.autograd.Function):
    """The sum, with its gradients computed in the forward pass for a downstream gradient of one."""

    @staticmethod
    def forward(
        ctx: Any,
        x_ND: Tensor,
        weight_VD: Tensor,
        bias_V: Tensor | None,
        targets_N: Tensor,
        settings: _Settings,
    ) -> Tensor:
        chunk_size, z_loss = settings
        cast_VD = weight_VD.to(x_ND.dtype)
        nll = x_ND.new_zeros((), dtype=torch.float32)
        dx_ND = torch.empty_like(x_ND)
        dweight_VD = torch.zeros_like(weight_VD)
        dbias_V = None if bias_V is None else torch.zeros_like(bias_V)
        for start in range(0, len(x_ND), chunk_size):
            x_nD, targets_n = (
                x_ND[start : start + chunk_size],
                targets_N[start : start + chunk_size],
            )
            chunk = _Chunk.of(x_nD, cast_VD, bias_V, targets_n)
            nll += chunk.loss(z_loss)
            g_nV = chunk.gradient_(z_loss)
            if dbias_V is not None:
                dbias_V += g_nV.sum(dim=0)
            cast_nV = g_nV.to(x_ND.dtype)
            torch.mm(cast_nV, cast_VD, out=dx_ND[start : start + chunk_size])
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


class _Chunk(NamedTuple):
    """Some positions: fp32 log-probabilities, and target ids that are valid everywhere."""

    log_p_nV: Tensor
    target_ids_n: Tensor
    has_target_n: Tensor
    log_sum_n: Tensor
    """Logarithm of the softmax's denominator."""

    @classmethod
    def of(
        cls, x_nD: Tensor, weight_VD: Tensor, bias_V: Tensor | None, targets_n: Tensor
    ) -> "_Chunk":
        logits_nV = (x_nD @ weight_VD.t()).float()
        if bias_V is not None:
            logits_nV += bias_V
        log_p_nV, target_ids_n = logits_nV.log_softmax(dim=-1), targets_n.clamp_min(0)
        log_sum_n = logits_nV[:, 0] - log_p_nV[:, 0]
        return cls(log_p_nV, target_ids_n, targets_n != IGNORED, log_sum_n)

    def loss(self, z_loss: float) -> Tensor:
        """Sum over the positions that have a target."""
        target_log_p_n = self.log_p_nV.gather(-1, self.target_ids_n.unsqueeze(-1)).squeeze(-1)
        loss = -(target_log_p_n * self.has_target_n).sum()
        if z_loss:
            loss += z_loss * (self.log_sum_n.square() * self.has_target_n).sum()
        return loss

    def gradient_(self, z_loss: float) -> Tensor:
        """Overwrite the log-probabilities with the gradient of the logits.

        That of the likelihood is the softmax, minus one at the target; zero where there is no
        target.
        """
        g_nV = self.log_p_nV.exp_()
        if z_loss:
            g_nV.mul_((1 + 2 * z_loss * self.log_sum_n).unsqueeze(-1))
        g_nV[torch.arange(len(g_nV), device=g_nV.device), self.target_ids_n] -= 1
        return g_nV.mul_(self.has_target_n.unsqueeze(-1))
