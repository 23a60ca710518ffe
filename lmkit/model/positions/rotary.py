"""Rotary positions: queries and keys are rotated by an angle proportional to their position.

Su et al. (2021, arXiv 2104.09864).

Choices:
- Pairs are (i, i + K/2), the halves of a head, as in Transformers' Llama. The paper pairs
  neighbours; the two differ by a fixed permutation of the channels, which matters for converting
  weights.
- Angles are computed in fp32 from integers: in bf16 position 1,995 would become 2,000.
- Only the first channels of a head are rotated where --model.rotary-fraction is less than 1, as in
  GPT-NeoX (Black et al. 2022, arXiv 2204.06745, section 2.1).

Shapes: B batch, T time, H heads, K head dimension, P pairs of channels.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from lmkit.model.attention import Rotation
from lmkit.model.positions.encoding import PositionEncoding
from lmkit.model.positions.rotary_scaling import scaled_frequencies


class Rotary(PositionEncoding):
    """A rotation of queries and keys; sliding-window layers may have another base."""

    def rotation(self, positions_BT: Tensor, *, windowed: bool) -> Rotation | None:
        """Return the angles of these positions."""
        config = self.config
        base = (windowed and config.local_rotary_base) or config.rotary_base
        frequencies_P = rotary_frequencies(config.rotary_dim, base, positions_BT.device)
        return _angles(positions_BT, *scaled_frequencies(config, frequencies_P, base))


class RotaryAngles(NamedTuple):
    """The cosine and sine of each position's angles, one for each pair of a head."""

    cos_BT1K: Tensor
    sin_BT1K: Tensor

    def __call__(self, x_BTHK: Tensor) -> Tensor:
        """Rotate every pair (i, i + P) of every head by the angle of its position.

        Channels from 2 P on stay as they are.

        >>> quarter = RotaryAngles(torch.zeros(2), torch.ones(2))
        >>> quarter(torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]))
        tensor([-3., -4.,  1.,  2.,  5.])
        """
        pairs = self.cos_BT1K.shape[-1]
        first, second = x_BTHK[..., :pairs], x_BTHK[..., pairs : 2 * pairs]
        cos, sin = self.cos_BT1K.to(x_BTHK.dtype), self.sin_BT1K.to(x_BTHK.dtype)
        rotated = (first * cos - second * sin, second * cos + first * sin)
        if x_BTHK.shape[-1] > 2 * pairs:
            rotated = (*rotated, x_BTHK[..., 2 * pairs :])
        return torch.cat(rotated, dim=-1)


def rotary_frequencies(rotary_dim: int, base: float, device: torch.device) -> Tensor:
    """Return base^(-i/P), the angle of a step for each pair i = 0 ... P - 1 of 2 P channels.

    >>> rotary_frequencies(4, 100.0, torch.device("cpu"))
    tensor([1.0000, 0.1000])
    """
    channels_P = torch.arange(0, rotary_dim, 2, device=device, dtype=torch.float32)
    return 1.0 / base ** (channels_P / rotary_dim)


def rotary_angles(positions_BT: Tensor, rotary_dim: int, base: float) -> RotaryAngles:
    """Return the angles p · base^(-i/P) for each position p and pair i = 0 ... P - 1."""
    return _angles(positions_BT, rotary_frequencies(rotary_dim, base, positions_BT.device), 1.0)


def _angles(positions_BT: Tensor, frequencies_P: Tensor, factor: float) -> RotaryAngles:
    angles_BT1K = positions_BT[:, :, None, None].float() * frequencies_P
    cos_BT1K, sin_BT1K = angles_BT1K.cos(), angles_BT1K.sin()
    if factor == 1.0:
        return RotaryAngles(cos_BT1K, sin_BT1K)
    return RotaryAngles(cos_BT1K * factor, sin_BT1K * factor)
