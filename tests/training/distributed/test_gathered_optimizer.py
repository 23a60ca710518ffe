"""In one process, which has all matrices; several processes are in test_sharded_models."""

import torch

from lmkit.training.distributed.gathered_optimizer import GatheredOptimizer, Groups
from lmkit.training.distributed.sharded_weights import local_shards
from lmkit.training.optimizers.muon import Muon


def make(groups: Groups) -> torch.optim.Optimizer:
    return Muon(groups, lr=0.1, momentum=0.9)


def test_updates_are_those_of_the_optimizer_itself_with_its_schedule_and_after_loading() -> None:
    torch.manual_seed(1)
    one, other = (torch.nn.Linear(6, 4, bias=False) for _ in range(2))
    other.load_state_dict(one.state_dict())
    plain = make([{"params": [*one.parameters()], "weight_decay": 0.3}])
    shards = local_shards(other)
    groups: Groups = [{"params": [shard.local for shard in shards], "weight_decay": 0.3}]
    gathered = GatheredOptimizer(groups, make, shards)
    for step in range(4):
        if step == 2:  # as from a checkpoint
            state = gathered.state_dict()
            gathered = GatheredOptimizer(groups, make, shards)
            gathered.load_state_dict(state)
        gradient = torch.randn(4, 6)
        for optimizer in (plain, gathered):
            for group in optimizer.param_groups:
                group["lr"] = 0.1 / (1 + step)
                for parameter in group["params"]:
                    parameter.grad = gradient.clone()
            optimizer.step()
        assert one.weight.equal(other.weight)
        ours, theirs = gathered.state[other.weight], plain.state[one.weight]
        assert ours["momentum_buffer"].equal(theirs["momentum_buffer"])
