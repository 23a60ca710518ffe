import torch

from lmkit.training.step_computation import StepResult


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
