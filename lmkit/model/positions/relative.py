"""T5's relative positions: a trained bias for each head and bucket of distances.

Raffel et al. (2020, arXiv 1910.10683, section 2.1), and the code of Mesh TensorFlow.

Shapes: B batch, T time, S key positions, H heads, N buckets.
"""

import math

import torch
from torch import Tensor

from lmkit.model.positions.encoding import AttentionStack, PositionEncoding
from lmkit.model.positions.registry import BUCKETS, MAX_DISTANCE


class Relative(PositionEncoding):
    """A bias that is looked up by distance."""

    adds_to_scores = trains_bias = True
    random_vectors = ("relative_bias",)

    @property
    def relative_bias_size(self) -> int:
        """A number for each bucket and head. A vector, so that it gets no weight decay."""
        return BUCKETS * self.config.heads

    def score_bias(self, distances_TS: Tensor, stack: AttentionStack) -> Tensor | None:
        """Return the number of each distance's bucket."""
        assert stack.relative_bias is not None
        table_HN = stack.relative_bias.unflatten(0, (BUCKETS, self.config.heads)).t()
        bias_HTS = table_HN[:, buckets(distances_TS, both_ways=not stack.causal)]
        return bias_HTS.transpose(0, 1) if distances_TS.ndim == 3 else bias_HTS


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
