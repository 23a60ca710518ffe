"""ALiBi: scores decrease in proportion to distance, in each head at another rate.

Press et al. (2022, arXiv 2108.12409, section 3), and its code for heads that are no power of two.

Shapes: B batch, T time, S key positions, H heads.
"""

import math

import torch
from torch import Tensor

from lmkit.model.positions.encoding import AttentionStack, PositionEncoding, StackShape


class Alibi(PositionEncoding):
    """A bias that isn't trained."""

    adds_to_scores = True

    def score_bias(self, distances_TS: Tensor, stack: AttentionStack) -> Tensor | None:  # noqa: ARG002
        """Return minus the distance, times the slope of each head."""
        distance_TS = distances_TS.abs().float()
        slope_H = torch.tensor(slopes(self.config.heads), device=distance_TS.device)
        return -slope_H[:, None, None] * distance_TS.unsqueeze(-3)

    def activations(self, stack: StackShape) -> int:
        """Return the bytes of the bias, one for all blocks; a plain softmax doesn't keep it."""
        is_kept = stack.length > stack.kernels.softmax_up_to
        return is_kept * 4 * self.config.heads * stack.length * stack.length


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
