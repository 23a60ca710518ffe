"""Position encodings.

    learned, sinusoidal     a vector for each position, added to the token's embedding
    rotary                  queries and keys are rotated by an angle proportional to their position
    relative, alibi         a bias for each distance and head, added to the scores
    transformer-xl          the same, but computed from the query and an encoding of the distance

Sinusoids are from Vaswani et al. (2017, arXiv 1706.03762, section 3.5), rotary positions from Su et
al. (2021, arXiv 2104.09864), buckets from Raffel et al. (2020, arXiv 1910.10683, section 2.1, and
the code of Mesh TensorFlow), ALiBi from Press et al. (2022, arXiv 2108.12409, section 3 and its
code for heads that are no power of two), the last from Dai et al. (2019, arXiv 1901.02860).

Choices:
- Rotary pairs are (i, i + K/2), the halves of a head, as in Transformers' Llama. The paper pairs
  neighbours; the two differ by a fixed permutation of the channels, which matters for converting
  weights.
- Angles are computed in fp32 from integers: in bf16 position 1,995 would become 2,000.
- Nothing is stored. A table would have to be sized for the longest text, saved or left out of
  checkpoints, and moved between devices; the angles of a batch cost less than 1% of one block.
- Distances are those of columns in the sequence. Inside a document, which is contiguous, they are
  the distances of its positions, and nothing else is ever attended to; so one table serves all
  sequences.

Shapes: B batch, T time, S key positions, D hidden size, H heads, K head dimension, R distances.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from lmkit.model.cost import BUCKETS

MAX_DISTANCE = 128
"""All distances from here on are in T5's last bucket."""


class RotaryAngles(NamedTuple):
    """The cosine and sine of each position's angles, one for each pair of a head."""

    cos_BT1K: Tensor
    sin_BT1K: Tensor


def rotary_angles(positions_BT: Tensor, head_dim: int, base: float) -> RotaryAngles:
    """Return the angles p · base^(-2i/K) for each position p and pair i = 0 ... K/2 - 1."""
    pairs_K = torch.arange(0, head_dim, 2, device=positions_BT.device, dtype=torch.float32)
    frequencies_K = 1.0 / base ** (pairs_K / head_dim)
    angles_BT1K = positions_BT[:, :, None, None].float() * frequencies_K
    return RotaryAngles(angles_BT1K.cos(), angles_BT1K.sin())


def apply_rotary(x_BTHK: Tensor, angles: RotaryAngles) -> Tensor:
    """Rotate every pair (i, i + K/2) of every head by the angle of its position.

    >>> quarter = RotaryAngles(torch.tensor(0.0), torch.tensor(1.0))
    >>> apply_rotary(torch.tensor([1.0, 2.0, 3.0, 4.0]), quarter)
    tensor([-3., -4.,  1.,  2.])
    """
    first, second = x_BTHK.chunk(2, dim=-1)
    cos, sin = angles.cos_BT1K.to(x_BTHK.dtype), angles.sin_BT1K.to(x_BTHK.dtype)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


def sinusoids(positions_BT: Tensor, width: int) -> Tensor:
    """Return sin(p / 10000^(2i/D)) in the even channels, and the cosine in the odd ones.

    >>> sinusoids(torch.tensor([[0, 1]]), 2)
    tensor([[[0.0000, 1.0000],
             [0.8415, 0.5403]]])
    """
    sin_BTD, cos_BTD = _sines_and_cosines(positions_BT, width)
    return torch.stack((sin_BTD, cos_BTD), dim=-1).flatten(-2)


def distance_encodings(time: int, width: int, device: torch.device) -> Tensor:
    """Return Transformer-XL's encoding of each distance R from `time` down to 1 - `time`.

    All sines come before all cosines, as in XLNet's code.
    """
    distances_R = torch.arange(time, -time, -1, device=device)
    return torch.cat(_sines_and_cosines(distances_R, width), dim=-1)


def _sines_and_cosines(positions: Tensor, width: int) -> tuple[Tensor, Tensor]:
    pairs = torch.arange(0, width, 2, device=positions.device, dtype=torch.float32)
    angles = positions.unsqueeze(-1).float() / 10_000.0 ** (pairs / width)
    return angles.sin(), angles.cos()


def relative_shift(scores_BHTR: Tensor) -> Tensor:
    """Select from each query's scores for all distances the one for each key.

    Column r is the distance T - r; query i finds the distance i - j to key j in column T - i + j.
    In the flattened matrix these are the rows of a matrix whose rows are one shorter.

    >>> relative_shift(torch.arange(2, -2, -1).expand(1, 1, 2, 4))[0, 0].tolist()
    [[0, -1], [1, 0]]
    """
    time = scores_BHTR.shape[-2]
    line = scores_BHTR.flatten(-2)[..., time : time + time * (2 * time - 1)]
    return line.unflatten(-1, (time, 2 * time - 1))[..., :time]


def distances(past: int, time: int, device: torch.device) -> Tensor:
    """Return the distance of `time` new positions from each of the `past` others and themselves.

    >>> distances(1, 2, torch.device("cpu")).tolist()
    [[1, 0, -1], [2, 1, 0]]
    """
    positions_S = torch.arange(past + time, device=device)
    return positions_S[past:, None] - positions_S


def buckets(distances_TS: Tensor, *, both_ways: bool) -> Tensor:
    """Return T5's bucket of each distance: exact for small ones, then logarithmic.

    In bidirectional attention half of the buckets are for keys after the query; in causal attention
    those have the bucket of distance 0, which is masked for them.

    >>> buckets(torch.tensor([0, 1, 7, 8, 127, 500, -1, -8]), both_ways=True).tolist()
    [0, 1, 7, 8, 15, 15, 17, 24]
    """
    number = BUCKETS // 2 if both_ways else BUCKETS
    first = (distances_TS < 0) * number if both_ways else torch.zeros_like(distances_TS)
    distance = distances_TS.abs() if both_ways else distances_TS.clamp(min=0)
    exact = number // 2
    ratio = (distance.clamp(min=1).float() / exact).log() / math.log(MAX_DISTANCE / exact)
    coarse = exact + (ratio * (number - exact)).long()
    return first + torch.where(distance < exact, distance, coarse.clamp(max=number - 1))


def slopes(heads: int) -> list[float]:
    """Return the slope of each head in ALiBi: how fast its scores decrease with distance.

    >>> slopes(4)
    [0.25, 0.0625, 0.015625, 0.00390625]
    >>> [round(math.log2(slope), 1) for slope in slopes(6)]
    [-2.0, -4.0, -6.0, -8.0, -1.0, -3.0]
    """
    power = 2 ** math.floor(math.log2(heads))
    falling = [2 ** (-8 * (head + 1) / power) for head in range(power)]
    if power == heads:
        return falling
    return falling + slopes(2 * power)[::2][: heads - power]
