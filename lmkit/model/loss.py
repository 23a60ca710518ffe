"""The negative log-likelihood of targets, without materializing all logits.

Choices:
- A sum, never a mean: training divides by the number of targets of the global batch, and evaluation
  by that of the full text.
- Logits are computed in chunks of positions, and their gradient immediately, in the forward pass.
  The N x V logits in fp32 take 2 GiB for 16,384 positions and 32,768 tokens, and autograd keeps
  them several times over; recomputing them in the backward pass would cost a third more.
- A chunk is for the products: its logits are in the precision of the features, and are overwritten
  with their gradient. Chunks can be too small: each adds once to the full gradient of the output
  matrix.
- A chunk is passed through the softmax in tiles, in fp32: summed in bf16, a loss moves in steps of
  1/32. On a CPU a tile stays in the caches over its passes. In a training step of 4,096 positions
  of hidden size 384 and 8,192 tokens, in bf16 on one core with AMX, loss and gradients took 212 ms;
  with all of a chunk's logits in fp32 it was 255.
- Each exponential is computed once. The log of the sum is that of the softmax's largest value,
  which can't underflow; a log-softmax and its exponential take half as long again for a tile.
- The z-loss of Chowdhery et al. (2022, arXiv 2204.02311, section 5), z log²(sum exp(logits)), is
  added for actual targets only, so that padding has no effect on it.

Shapes: N positions, n positions of a chunk, m positions of a tile, D hidden size, V vocabulary.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

IGNORED = -100
"""The target of positions without one, as in torch."""


class _Settings(NamedTuple):
    """Arguments that aren't tensors with a gradient."""

    chunk_size: int
    tile_size: int
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
    default, tile_size = default_sizes(x_ND.device.type, len(weight_VD))
    settings = _Settings(chunk_size or default, tile_size, z_loss)
    with torch.autocast(x_ND.device.type, enabled=False):
        if torch.is_grad_enabled():
            return _SummedNll.apply(x_ND, weight_VD, bias_V, targets_N, settings)
        weight_VD = weight_VD.to(x_ND.dtype)
        losses_N = torch.empty(len(x_ND), dtype=torch.float32, device=x_ND.device)
        tiles = _Tiles(settings, x_ND, weight_VD, bias_V)
        for chunk in _chunks(len(x_ND), settings.chunk_size):
            logits_nV = x_ND[chunk] @ weight_VD.t()
            tiles.pass_through(logits_nV, targets_N[chunk], losses_N[chunk], gradient=False)
        return losses_N.sum()


def default_sizes(device: str, vocabulary_size: int) -> tuple[int, int]:
    """Return the positions of a chunk and of a tile.

    A chunk keeps the device busy with products. On a CPU a tile fits in the cache of a core or two,
    with at least 16 positions for as many cores; elsewhere it is large enough to keep the device
    busy with one pass.

    >>> default_sizes("cpu", 8192), default_sizes("cpu", 256)
    ((1024, 128), (32768, 4096))
    >>> default_sizes("cuda", 32768)
    (4096, 1024)
    """
    if device == "cpu":
        return max(512, 2**23 // vocabulary_size), max(16, 2**20 // vocabulary_size)
    return max(4096, 2**27 // vocabulary_size), max(1024, 2**25 // vocabulary_size)


def _chunks(positions: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, positions, size)]


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
        cast_VD = weight_VD.to(x_ND.dtype)
        losses_N = torch.empty(len(x_ND), dtype=torch.float32, device=x_ND.device)
        dx_ND = torch.empty_like(x_ND)
        dweight_VD: Tensor | None = None
        tiles = _Tiles(settings, x_ND, cast_VD, bias_V)
        for chunk in _chunks(len(x_ND), settings.chunk_size):
            x_nD = x_ND[chunk]
            g_nV = x_nD @ cast_VD.t()
            tiles.pass_through(g_nV, targets_N[chunk], losses_N[chunk], gradient=True)
            torch.mm(g_nV, cast_VD, out=dx_ND[chunk])
            part_VD = g_nV.t() @ x_nD
            if dweight_VD is None:
                dweight_VD = part_VD.to(weight_VD.dtype)
            else:
                dweight_VD += part_VD
        if dweight_VD is None:
            dweight_VD = torch.zeros_like(weight_VD)
        ctx.save_for_backward(dx_ND, dweight_VD, tiles.dbias_V)
        return losses_N.sum()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None, None]:
        dx_ND, dweight_VD, dbias_V = ctx.saved_tensors
        # A factor like 1/N, rounded to bf16, would scale these two differently.
        dx_ND = (dx_ND.float() * gradients[0]).to(dx_ND.dtype)
        dbias_V = None if dbias_V is None else dbias_V * gradients[0]
        return dx_ND, dweight_VD * gradients[0], dbias_V, None, None


class _Tiles:
    """Passes logits through the softmax, in fp32, a few positions at a time."""

    def __init__(
        self, settings: _Settings, x_ND: Tensor, weight_VD: Tensor, bias_V: Tensor | None
    ) -> None:
        self._size, self._z_loss, self._bias_V = settings.tile_size, settings.z_loss, bias_V
        rows = min(settings.tile_size, settings.chunk_size, len(x_ND))
        self._logits_mV, self._p_mV = torch.empty(
            2, rows, len(weight_VD), dtype=torch.float32, device=x_ND.device
        ).unbind()
        self._rows_m = torch.arange(rows, device=x_ND.device)
        self.dbias_V = None if bias_V is None else torch.zeros_like(bias_V)
        """Sum of the gradients of the logits."""

    def pass_through(
        self, logits_nV: Tensor, targets_n: Tensor, losses_n: Tensor, *, gradient: bool
    ) -> None:
        """Write the loss of each position; overwrite the logits with their gradient, if asked to.

        The gradient of the likelihood is the softmax, minus one at the target. Loss and gradient
        are zero where there is no target.
        """
        for tile in _chunks(len(logits_nV), self._size):
            original_mV, targets_m = logits_nV[tile], targets_n[tile]
            rows_m = self._rows_m[: len(targets_m)]
            target_ids_m, has_target_m = targets_m.clamp_min(0), targets_m != IGNORED
            logits_mV = original_mV
            if original_mV.dtype != torch.float32:
                logits_mV = self._logits_mV[: len(targets_m)].copy_(original_mV)
            if self._bias_V is not None:
                logits_mV += self._bias_V
            p_mV = self._p_mV[: len(targets_m)]
            torch.softmax(logits_mV, dim=-1, out=p_mV)
            # The largest probability is 1 / sum(exp(logits - largest)).
            largest_m, log_largest_p_m = logits_mV.amax(dim=-1), p_mV.amax(dim=-1).log_()
            # A likely target's loss is small: logits are subtracted first, lest it be rounded away.
            losses_m = largest_m - logits_mV[rows_m, target_ids_m] - log_largest_p_m
            log_sum_m = largest_m - log_largest_p_m if self._z_loss else None
            if log_sum_m is not None:
                losses_m += self._z_loss * log_sum_m.square()
            torch.mul(losses_m, has_target_m, out=losses_n[tile])
            if not gradient:
                continue
            g_mV = p_mV
            if log_sum_m is not None:
                g_mV *= (1 + 2 * self._z_loss * log_sum_m).unsqueeze(-1)
            g_mV[rows_m, target_ids_m] -= 1
            # Only a CPU can tell without waiting whether this pass is needed.
            if has_target_m.device.type != "cpu" or not has_target_m.all():
                g_mV *= has_target_m.unsqueeze(-1)
            if self.dbias_V is not None:
                self.dbias_V += g_mV.sum(dim=0)
            original_mV.copy_(g_mV)
