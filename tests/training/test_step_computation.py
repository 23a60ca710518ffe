import weakref
from typing import Any

import torch
from torch import Tensor, nn

from lmkit.training.step_computation import StepResult
from tests.training.tiny import Run


class Recorded:
    """Lives as long as what autograd recorded of a loss."""


class KeptByGraph(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, loss: Tensor, recorded: Recorded) -> Tensor:
        ctx.recorded = recorded
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


def test_the_numbers_of_a_step_come_back_from_the_device_in_their_places() -> None:
    values = torch.tensor([2.5, 0.5, 100, 120, 3, 0, 0.25, 1e-3, 2e-3], dtype=torch.float64)
    result = StepResult(7, 1e-3, values, ("attention", "embedding"))
    numbers = result.read()
    assert (result.step, result.lr) == (7, 1e-3)
    assert (numbers.loss, numbers.gradient_norm, numbers.waited) == (2.5, 0.5, 0.25)
    assert (numbers.targets, numbers.tokens, numbers.dropped, numbers.stop) == (100, 120, 3, False)
    assert numbers.update_ratio == {"attention": 1e-3, "embedding": 2e-3}


def test_a_step_that_measures_nothing_has_no_ratio_and_any_rank_can_stop_it() -> None:
    values = torch.tensor([2.5, 0.5, 100, 120, 3, 2, 0.0], dtype=torch.float64)
    numbers = StepResult(7, 1e-3, values, ()).read()
    assert numbers.stop and numbers.update_ratio is None


def test_what_autograd_recorded_of_a_micro_batch_is_gone_before_the_next_forward_pass() -> None:
    run, graphs = Run(), list[weakref.ref[Recorded]]()
    alive: list[int] = []

    def count(*_: Any) -> None:
        alive.append(sum(graph() is not None for graph in graphs))

    def record(_model: nn.Module, _arguments: Any, loss: Tensor) -> Tensor:
        recorded = Recorded()
        graphs.append(weakref.ref(recorded))
        kept: Tensor = KeptByGraph.apply(loss, recorded)
        return kept

    run.model.register_forward_pre_hook(count)
    run.model.register_forward_hook(record)
    run.train(steps=2, micro_batch=4)
    assert alive == [0, 0, 0, 0]
