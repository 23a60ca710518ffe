"""Rotary positions: queries and keys are rotated by an angle proportional to their position.

Su et al. (2021, arXiv 2104.09864).

Choices:
- Pairs are (i, i + K/2), the halves of a head, as in Transformers' Llama. The paper pairs
  neighbours; the two differ by a fixed permutation of the channels, which matters for converting
  weights.
- Angles are computed in fp32 from integers: in bf16 position 1,995 would become 2,000.

Shapes: B batch, T time, H heads, K head dimension.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from lmkit.model.attention import Rotation
from lmkit.model.positions.encoding import PositionEncoding


class Rotary(PositionEncoding):
    """A rotation of queries and keys; sliding-window layers may have another base."""

    def rotation(self, positions_BT: Tensor, *, windowed: bool) -> Rotation | None:
        """Return the angles of these positions."""
        config = self.config
        base = (windowed and config.local_rotary_base) or config.rotary_base
        return rotary_angles(positions_BT, config.attention_head_dim, base)


class RotaryAngles(NamedTuple):
    """The cosine and sine of each position's angles, one for each pair of a head."""

    cos_BT1K: Tensor
    sin_BT1K: Tensor

    def __call__(self, x_BTHK: Tensor) -> Tensor:
        """Rotate every pair (i, i + K/2) of every head by the angle of its position.

        >>> quarter = RotaryAngles(torch.tensor(0.0), torch.tensor(1.0))
        >>> quarter(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        tensor([-3., -4.,  1.,  2.])
        """
        first, second = x_BTHK.chunk(2, dim=-1)
        cos, sin = self.cos_BT1K.to(x_BTHK.dtype), self.sin_BT1K.to(x_BTHK.dtype)
        return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


def rotary_angles(positions_BT: Tensor, head_dim: int, base: float) -> RotaryAngles:
    """Return the angles p · base^(-2i/K) for each position p and pair i = 0 ... K/2 - 1."""
    pairs_K = torch.arange(0, head_dim, 2, device=positions_BT.device, dtype=torch.float32)
    frequencies_K = 1.0 / base ** (pairs_K / head_dim)
    angles_BT1K = positions_BT[:, :, None, None].float() * frequencies_K
    return RotaryAngles(angles_BT1K.cos(), angles_BT1K.sin())
