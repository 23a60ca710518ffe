"""How a model knows the order of tokens.

    learned, sinusoidal     a vector for each place, added to its token's
    rotary                  queries and keys turned by an angle that grows with their place
    relative, alibi         a number for each distance and head, added to the scores
    transformer-xl          the same, but made from the query and a vector for each distance

Sinusoids are from Vaswani et al. (2017, arXiv 1706.03762, section 3.5), rotary positions from Su et
al. (2021, arXiv 2104.09864), buckets from Raffel et al. (2020, arXiv 1910.10683, section 2.1, and
the code of Mesh TensorFlow), ALiBi from Press et al. (2022, arXiv 2108.12409, section 3 and its
code for heads that are no power of two), the last from Dai et al. (2019, arXiv 1901.02860).

Choices:
- Rotary pairs are (i, i + K/2), the halves of a head, as in Transformers' Llama. The paper pairs
  neighbours; the two differ by a fixed order of the channels, which matters for exchanging weights.
- Angles are computed in fp32 from whole numbers: in bf16 place 1,995 would become 2,000.
- Nothing is stored. A table would have to be sized for the longest text, saved or left out of
  checkpoints, and moved between devices; the angles of a batch cost less than 1% of one block.
- Distances are those of columns. Inside a document, which stands in one piece, they are the
  distances of its places, and nothing else is ever looked at; so one table serves all rows.

Shapes: B batch, T time, S places seen, D width, H heads, K head width, R distances.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from lmkit.model.cost import BUCKETS

MAX_DISTANCE = 128
"""From here on all distances share T5's last bucket."""


class Rotation(NamedTuple):
    """The cosine and sine of each place's angles, one for each pair of a head."""

    cos_BT1K: Tensor
    sin_BT1K: Tensor


def rotation(positions_BT: Tensor, head_dim: int, base: float) -> Rotation:
    """Return the angles p · base^(-2i/K) for each place p and pair i = 0 ... K/2 - 1."""
    pairs_K = torch.arange(0, head_dim, 2, device=positions_BT.device, dtype=torch.float32)
    turns_K = 1.0 / base ** (pairs_K / head_dim)
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


def sinusoids(positions_BT: Tensor, width: int) -> Tensor:
    """Return sin(p / 10000^(2i/D)) in the even channels, and the cosine in the odd ones.

    >>> sinusoids(torch.tensor([[0, 1]]), 2)
    tensor([[[0.0000, 1.0000],
             [0.8415, 0.5403]]])
    """
    sin_BTD, cos_BTD = _waves(positions_BT, width)
    return torch.stack((sin_BTD, cos_BTD), dim=-1).flatten(-2)


def distance_codes(time: int, width: int, device: torch.device) -> Tensor:
    """Return Transformer-XL's vector for each distance R from `time` down to 1 - `time`.

    All sines come before all cosines, as in XLNet's code.
    """
    distances_R = torch.arange(time, -time, -1, device=device)
    return torch.cat(_waves(distances_R, width), dim=-1)


def _waves(positions: Tensor, width: int) -> tuple[Tensor, Tensor]:
    pairs = torch.arange(0, width, 2, device=positions.device, dtype=torch.float32)
    angles = positions.unsqueeze(-1).float() / 10_000.0 ** (pairs / width)
    return angles.sin(), angles.cos()


def shifted(scores_BHTR: Tensor) -> Tensor:
    """Pick from each place's scores for all distances the one for each place seen.

    Column r stands for distance T - r; place i finds the distance i - j to place j in column
    T - i + j. Read as one long line, that is a line of rows which are one shorter.

    >>> shifted(torch.arange(2, -2, -1).expand(1, 1, 2, 4))[0, 0].tolist()
    [[0, -1], [1, 0]]
    """
    time = scores_BHTR.shape[-2]
    line = scores_BHTR.flatten(-2)[..., time : time + time * (2 * time - 1)]
    return line.unflatten(-1, (time, 2 * time - 1))[..., :time]


def distances(past: int, time: int, device: torch.device) -> Tensor:
    """Return how far `time` new places lie behind each of the `past` others and themselves.

    >>> distances(1, 2, torch.device("cpu")).tolist()
    [[1, 0, -1], [2, 1, 0]]
    """
    places_S = torch.arange(past + time, device=device)
    return places_S[past:, None] - places_S


def buckets(distances_TS: Tensor, *, both_ways: bool) -> Tensor:
    """Return T5's bucket of each distance: exact when near, then ever coarser.

    Read both ways, half of the buckets are for places that follow; read one way, those share the
    bucket of distance 0, which they are never looked up for.

    >>> buckets(torch.tensor([0, 1, 7, 8, 127, 500, -1, -8]), both_ways=True).tolist()
    [0, 1, 7, 8, 15, 15, 17, 24]
    """
    number = BUCKETS // 2 if both_ways else BUCKETS
    first = (distances_TS < 0) * number if both_ways else torch.zeros_like(distances_TS)
    far = distances_TS.abs() if both_ways else distances_TS.clamp(min=0)
    exact = number // 2
    ratio = (far.clamp(min=1).float() / exact).log() / math.log(MAX_DISTANCE / exact)
    coarse = exact + (ratio * (number - exact)).long()
    return first + torch.where(far < exact, far, coarse.clamp(max=number - 1))


def slopes(heads: int) -> list[float]:
    """Return how fast each head's scores fall with distance, in ALiBi.

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
