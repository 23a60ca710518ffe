"""The feed-forward part of a block: SwiGLU (Shazeer 2020, arXiv 2002.05202).

Shapes: B batch, T time, D width, F feed-forward width.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from lmkit.model.configuration import ModelConfig
from lmkit.model.linear import Linear


class SwiGLU(nn.Module):
    """Widen each place twice, let one copy gate the other, and narrow the result."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.shape.ffn_size
        self.gate = Linear(width, inner)
        self.up = Linear(width, inner)
        self.down = Linear(inner, width)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Return down(silu(gate(x)) * up(x))."""
        gated_BTF = F.silu(self.gate(x_BTD)) * self.up(x_BTD)
        return self.down(gated_BTF)
