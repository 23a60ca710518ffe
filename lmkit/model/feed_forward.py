"""The feed-forward network of a block, plain or gated.

Gated variants are from Shazeer (2020, arXiv 2002.05202), squared ReLU from So et al. (2021, arXiv
2109.08668, section 4).

Shapes: B batch, T time, D hidden size, F hidden size of the feed-forward network.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from lmkit.model.linear import Linear
from lmkit.model.options import ModelConfig
from lmkit.model.presets import GATED


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
    """Return the activation function; in a gated network that of the gate."""
    return ACTIVATIONS[GATED.get(config.activation, config.activation)]


class FeedForward(nn.Module):
    """Up-projection, activation, down-projection."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.shape.ffn_size
        self.act = activation(config)
        self.up = Linear(width, inner, config.biases)
        self.down = Linear(inner, width, config.biases)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Return down(bend(up(x)))."""
        return self.down(self.act(self.up(x_BTD)))


class GatedFeedForward(nn.Module):
    """Two up-projections, of which the activated one gates the other, then a down-projection."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.shape.ffn_size
        self.act = activation(config)
        self.gate = Linear(width, inner, config.biases)
        self.up = Linear(width, inner, config.biases)
        self.down = Linear(inner, width, config.biases)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Return down(bend(gate(x)) * up(x))."""
        gated_BTF = self.act(self.gate(x_BTD)) * self.up(x_BTD)
        return self.down(gated_BTF)
