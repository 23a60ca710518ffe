"""Weights on one process; sharded ones are tested in test_parallelism."""

import torch

from lmkit.training.distributed.sharded_weights import (
    collect_gradients,
    local_shards,
    sum_of_squares,
)
from tests.training.tiny import TinyModel


def test_a_single_process_has_the_parameters_themselves() -> None:
    model = TinyModel()
    found = local_shards(model)
    assert [one.name for one in found] == [name for name, _ in model.named_parameters()]
    for one in found:
        assert one.local is one.parameter and not one.is_sharded
        assert one.full(one.local) is one.local and one.shard(one.local) is one.local
    for one in found:
        one.parameter.grad = torch.full_like(one.parameter, 2.0)
    collect_gradients(found)
    count = sum(one.local.numel() for one in found)
    torch.testing.assert_close(sum_of_squares(found, sharded=False), torch.tensor(4.0 * count))
    assert sum_of_squares(found, sharded=True) == 0
