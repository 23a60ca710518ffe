"""How far an update moves the weights: the norm of the change over the norm of the weights.

About 1e-3 is common; much less means that a run hardly learns, much more that it is unsteady.

Choices:
- It is measured, not computed from an optimizer's moments: so it is right for every algorithm, and
  0 where a step was skipped.
- It is measured on a sample of the numbers of each matrix, at equal distances: no second copy of
  the weights is needed, and a step that measures takes hardly longer. Matrices of up to `SAMPLE`
  numbers are measured in full.
- Vectors, such as the weights of norms, are left out: they start at 0 or 1, and their norm says
  little.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lmkit.training.distributed.sharded_weights import LocalShard

SAMPLE = 65_536
"""Most numbers of a matrix that are compared: the error of a ratio is then below a percent."""
PARTS = ("attention", "feed_forward")


def part_of(name: str) -> str:
    """Return the group of a weight.

    >>> part_of("encoder.blocks.0.cross_attention.query.weight"), part_of("embedding.weight")
    ('attention', 'embedding')
    """
    for part in PARTS:
        if part in name:
            return part
    return name.split(".")[0]


class UpdateRatio:
    """The weights before an update, and what of them an update changed."""

    def __init__(self, shards: Sequence[LocalShard]) -> None:
        self._matrices = [shard for shard in shards if shard.parameter.ndim >= 2]
        self.parts = tuple(dict.fromkeys(part_of(shard.name) for shard in self._matrices))
        """The names of the groups, in the order of the ratios."""

    @torch.no_grad()
    def before(self) -> list[Tensor]:
        """Return a sample of the weights."""
        return [_sample(shard).clone() for shard in self._matrices]

    @torch.no_grad()
    def after(self, before: Sequence[Tensor], reduce_sum: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the ratio of each group, which `reduce_sum` adds up over the shards."""
        sums = {part: torch.zeros(2, device=before[0].device) for part in self.parts}
        for shard, old in zip(self._matrices, before, strict=True):
            if old.numel():
                squares = torch.stack([(_sample(shard) - old).square().sum(), old.square().sum()])
                sums[part_of(shard.name)] += squares.float() * (shard.local.numel() / old.numel())
        changed, size = reduce_sum(torch.stack(list(sums.values()))).unbind(1)
        return (changed / size).sqrt()


def _sample(shard: LocalShard) -> Tensor:
    numbers = shard.local.detach().reshape(-1)
    return numbers[:: max(1, -(-numbers.numel() // SAMPLE))]
