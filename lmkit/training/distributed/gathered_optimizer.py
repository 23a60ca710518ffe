"""An optimizer whose update of a number depends on its full matrix, where matrices are sharded.

Choices:
- One matrix after the other is gathered, with its gradient and its state, updated by the optimizer
  itself, and sharded again. So each update is that of one process, for any algorithm, and a process
  holds one full matrix at a time. (A Muon of its own would gather one tensor instead of three.)
- Every process computes every update: to send them would take as long as to gather them.
- Between steps the state is sharded as the weight is, in memory and for checkpoints.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lmkit.training.distributed.sharded_weights import LocalShard

Groups = list[dict[str, Any]]
MakeOptimizer = Callable[[Groups], Optimizer]
"""Makes an optimizer of torch's parameter groups."""


class GatheredOptimizer(Optimizer):
    """Updates this process's shards of matrices as an optimizer updates full matrices."""

    def __init__(self, groups: Groups, make: MakeOptimizer, shards: Iterable[LocalShard]) -> None:
        complete = make(groups)  # with all options in its groups, so that a schedule can set them
        super().__init__(complete.param_groups, complete.defaults)
        self._make = make
        self._shards = {id(shard.local): shard for shard in shards}

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # pyright: ignore  # noqa: ARG002
        """Update the weights; all processes have to call it."""
        for group in self.param_groups:
            for local in group["params"]:
                if local.grad is not None:
                    self._update(self._shards[id(local)], group)

    def _update(self, shard: LocalShard, group: dict[str, Any]) -> None:
        local, state = shard.local, self.state[shard.local]
        assert local.grad is not None
        weight = nn.Parameter(shard.full(local.detach()))
        weight.grad = shard.full(local.grad)
        optimizer = self._make([{**group, "params": [weight]}])
        optimizer.state[weight] = {key: _full(shard, value) for key, value in state.items()}
        optimizer.step()
        local.copy_(shard.shard(weight.detach()))
        for key, value in optimizer.state[weight].items():
            # A view would keep the full matrix.
            state[key] = shard.shard(value).clone() if isinstance(value, Tensor) else value


def _full(shard: LocalShard, value: Any) -> Any:
    return shard.full(value) if isinstance(value, Tensor) else value
