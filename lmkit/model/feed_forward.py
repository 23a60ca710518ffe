"""The feed-forward part of a block, plain or gated.

Gated ones are from Shazeer (2020, arXiv 2002.05202), squared ReLU from So et al. (2021, arXiv
2109.08668, section 4).

Shapes: B batch, T time, D width, F feed-forward width.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from lmkit.model.linear import Linear
from lmkit.model.options import GATED, ModelConfig


def _gelu_tanh(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


def _relu2(x: Tensor) -> Tensor:
    return F.relu(x).square()


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu-tanh": _gelu_tanh,
    "relu": F.relu,
    "relu2": _relu2,
    "silu": F.silu,
}


def activation(config: ModelConfig) -> Callable[[Tensor], Tensor]:
    """Return the function that is applied to each number; of a gated one, to the gate."""
    return ACTIVATIONS[GATED.get(config.activation, config.activation)]


class FeedForward(nn.Module):
    """Widen each place, bend it, and narrow it again."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.shape.ffn_size
        self.bend = activation(config)
        self.up = Linear(width, inner, config.biases)
        self.down = Linear(inner, width, config.biases)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Return down(bend(up(x)))."""
        return self.down(self.bend(self.up(x_BTD)))


class GatedFeedForward(nn.Module):
    """Widen each place twice, let one copy gate the other, and narrow the result."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.shape.ffn_size
        self.bend = activation(config)
        self.gate = Linear(width, inner, config.biases)
        self.up = Linear(width, inner, config.biases)
        self.down = Linear(inner, width, config.biases)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Return down(bend(gate(x)) * up(x))."""
        gated_BTF = self.bend(self.gate(x_BTD)) * self.up(x_BTD)
        return self.down(gated_BTF)
