"""Weights on one process are what they are; those in parts are tried in test_team."""

import torch

from lmkit.training.distributed.sharded_weights import held, squares, take_gradients
from tests.training.tiny import TinyModel


def test_alone_a_process_holds_the_weights_themselves() -> None:
    model = TinyModel()
    found = held(model)
    assert [one.name for one in found] == [name for name, _ in model.named_parameters()]
    for one in found:
        assert one.own is one.parameter and not one.is_part
        assert one.whole(one.own) is one.own and one.part(one.own) is one.own
    for one in found:
        one.parameter.grad = torch.full_like(one.parameter, 2.0)
    take_gradients(found)
    count = sum(one.own.numel() for one in found)
    torch.testing.assert_close(squares(found, parts=False), torch.tensor(4.0 * count))
    assert squares(found, parts=True) == 0
