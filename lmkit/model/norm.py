"""Normalization layers: RMSNorm and layer normalization.

RMSNorm is from Zhang and Sennrich (2019, arXiv 1910.07467), layer normalization from Ba et al.
(2016, arXiv 1607.06450).

Choices:
- On a CPU torch 2.13 runs `rms_norm` as a chain of small kernels: for 4,096 x 384 numbers in fp32,
  0.7 ms forward and 3 to 5 ms backward, where its `layer_norm` takes 0.3 and 0.5. The backward
  pass here uses layer_norm's kernel, at 0.4 and 1.4 ms. Elsewhere torch's own is fused.
- Under autocast the result is cast here, once, rather than in each linear layer that takes it. The
  mean square itself is always computed in fp32. A norm whose output is the residual stream, as
  after the embedding or after a sublayer (post-norm), keeps it in fp32.

Shapes: B batch, T time, D hidden size.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmkit.model.options import ModelConfig


def make_norm(config: ModelConfig, *, rounds: bool = True) -> "RMSNorm | LayerNorm":
    """Return the normalization layer of a config."""
    if config.norm == "rmsnorm":
        return RMSNorm(config.hidden_size, config.norm_eps, rounds=rounds)
    return LayerNorm(config.hidden_size, config.norm_eps, bias=config.biases, rounds=rounds)


class LayerNorm(nn.Module):
    """Subtract each position's mean, divide by its deviation, then scale and shift each channel."""

    def __init__(self, width: int, eps: float, *, bias: bool, rounds: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None
        self.eps, self.rounds = eps, rounds

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Return the normalized hidden states."""
        y_BTD = F.layer_norm(x_BTD, self.weight.shape, self.weight, self.bias, self.eps)
        return _to_autocast_dtype(y_BTD) if self.rounds else y_BTD


class RMSNorm(nn.Module):
    """Divide each position by its root mean square, then scale each channel by a trained weight."""

    def __init__(self, width: int, eps: float, *, rounds: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps, self.rounds = eps, rounds

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Return the normalized hidden states."""
        kind = x_BTD.device.type
        if x_BTD.dtype != self.weight.dtype:  # the output of a product under autocast
            x_BTD = x_BTD.to(self.weight.dtype)
        single = x_BTD.dtype == self.weight.dtype == torch.float32
        if kind == "cpu" and single and not torch.compiler.is_compiling():
            y_BTD: Tensor = _CpuRMSNorm.apply(x_BTD, self.weight, self.eps)
        else:
            y_BTD = F.rms_norm(x_BTD, self.weight.shape, self.weight, self.eps)
        return _to_autocast_dtype(y_BTD) if self.rounds else y_BTD


def _to_autocast_dtype(y_BTD: Tensor) -> Tensor:
    """Return hidden states in the precision of the next linear layer."""
    kind = y_BTD.device.type
    return y_BTD.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else y_BTD


class _CpuRMSNorm(torch.autograd.Function):
    """RMS normalization whose backward pass is that of layer normalization, with a correction.

    With x̂ = x·r the gradient is r·(g - x̂·mean(g·x̂)), g being weighted. Layer normalization
    around a mean of zero gives r·(g - mean(g) - x̂·mean(g·x̂)), so r·mean(g) has to be added back.
    """

    @staticmethod
    def forward(ctx: Any, x_BTD: Tensor, weight_D: Tensor, eps: float) -> Tensor:
        norm_BT1 = torch.linalg.vector_norm(x_BTD, dim=-1, keepdim=True)
        rate_BT1 = norm_BT1.square_().div_(x_BTD.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x_BTD, weight_D, rate_BT1)
        return (x_BTD * rate_BT1).mul_(weight_D)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        x_BTD, weight_D, rate_BT1 = ctx.saved_tensors
        g_BTD = gradients[0].contiguous()
        width = x_BTD.shape[-1]
        mean_BT1 = torch.zeros_like(rate_BT1)
        dx_BTD, dweight_D, _ = torch.ops.aten.native_layer_norm_backward(
            g_BTD, x_BTD, [width], mean_BT1, rate_BT1, weight_D, None, [True, True, False]
        )
        weighted_sum_BT1 = (g_BTD @ weight_D).unsqueeze(-1)
        dx_BTD.addcmul_(weighted_sum_BT1, rate_BT1, value=1 / width)
        return dx_BTD, dweight_D, None
