"""Rotary positions: queries and keys turned by an angle that grows with their place.

Su et al. (2021, arXiv 2104.09864). The product of a query and a key then depends on how far apart
they are, and on nothing else about where they stand.

Choices:
- Pairs are (i, i + K/2), the halves of a head, as in Transformers' Llama. The paper pairs
  neighbours; the two differ by a fixed order of the channels, which matters for exchanging weights.
- Angles are computed in fp32 from whole numbers: in bf16 place 1,995 would become 2,000.
- Nothing is stored. A table would have to be sized for the longest text, saved or left out of
  checkpoints, and moved between devices; the angles of a batch cost less than 1% of one block.

Shapes: B batch, T time, H heads, K head width.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Rotation(NamedTuple):
    """The cosine and sine of each place's angles, one for each pair of a head."""

    cos_BT1K: Tensor
    sin_BT1K: Tensor


def rotation(positions_BT: Tensor, head_width: int, base: float) -> Rotation:
    """Return the angles p · base^(-2i/K) for each place p and pair i = 0 ... K/2 - 1."""
    pairs_K = torch.arange(0, head_width, 2, device=positions_BT.device, dtype=torch.float32)
    turns_K = 1.0 / base ** (pairs_K / head_width)
    angles_BT1K = positions_BT[:, :, None, None].float() * turns_K
    return Rotation(angles_BT1K.cos(), angles_BT1K.sin())


def rotate(x_BTHK: Tensor, by: Rotation) -> Tensor:
    """Turn every pair (i, i + K/2) of every head by the angle of its place.

    >>> quarter = Rotation(torch.tensor(0.0), torch.tensor(1.0))
    >>> rotate(torch.tensor([1.0, 2.0, 3.0, 4.0]), quarter)
    tensor([-3., -4.,  1.,  2.])
    """
    first, second = x_BTHK.chunk(2, dim=-1)
    cos, sin = by.cos_BT1K.to(x_BTHK.dtype), by.sin_BT1K.to(x_BTHK.dtype)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)
