"""Sinusoidal positions: sines and cosines of each, added to the token's embedding.

Vaswani et al. (2017, arXiv 1706.03762, section 3.5).

Angles are computed in fp32 from integers: in bf16 position 1,995 would become 2,000.

Shapes: B batch, T time, D hidden size.
"""

import torch
from torch import Tensor, nn

from lmkit.model.positions.encoding import PositionEncoding


class Sinusoidal(PositionEncoding):
    """A vector for each position, which isn't trained."""

    def position_embedding(self) -> nn.Module | None:
        """Return the function of positions, as a module without weights."""
        return Sinusoids(self.config.hidden_size)


class Sinusoids(nn.Module):
    """The sinusoids of positions, as many as the hidden size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, positions_BT: Tensor) -> Tensor:
        """Return x_BTD."""
        return sinusoids(positions_BT, self.width)


def sinusoids(positions_BT: Tensor, width: int) -> Tensor:
    """Return sin(p / 10000^(2i/D)) in the even channels, and the cosine in the odd ones.

    >>> sinusoids(torch.tensor([[0, 1]]), 2)
    tensor([[[0.0000, 1.0000],
             [0.8415, 0.5403]]])
    """
    sin_BTD, cos_BTD = sines_and_cosines(positions_BT, width)
    return torch.stack((sin_BTD, cos_BTD), dim=-1).flatten(-2)


def sines_and_cosines(positions: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Return both for each position, or distance, and each pair of channels."""
    pairs = torch.arange(0, width, 2, device=positions.device, dtype=torch.float32)
    angles = positions.unsqueeze(-1).float() / 10_000.0 ** (pairs / width)
    return angles.sin(), angles.cos()
