from collections.abc import Callable

import numpy as np
import pytest
import torch

from lmkit.model import attention_kernels as kernels
from lmkit.model.attention_kernels import MAX_SOFTMAX_LENGTH, Kernels
from lmkit.model.cost import BatchShape, memory
from lmkit.model.options import ModelConfig
from lmkit.objectives.batch import Batch
from lmkit.training.options import OptimConfig, ScheduleConfig
from lmkit.training.planning import forecast as module
from lmkit.training.planning.forecast import Forecast, forecast
from lmkit.training.training_recipe import Recipe

LENGTH = 16
PASS, ONCE = 0.02, 0.03


def batch(rows: int) -> Batch:
    zeros = np.zeros((rows, LENGTH), np.int64)
    return Batch(tokens_BT=zeros, positions_BT=zeros, targets_BT=zeros)


def forecast_of(
    global_batch_size: int,
    micro_batch: int,
    calls: list[Recipe],
    precision: str = "fp32",
    stopped: tuple[int, ...] = (),
) -> Forecast:
    """Return a forecast with a clock that goes on for a minute in the steps named by `stopped`."""
    now = 0.0

    def trial(recipe: Recipe, report: Callable[[int], None]) -> None:
        """Take so long for each pass, and so long for each step, as a real loop would."""
        nonlocal now
        calls.append(recipe)
        for step in range(1, recipe.steps + 1):
            passes = recipe.global_batch_size // recipe.micro_batch
            now += passes * PASS + ONCE + (60 if step in stopped else 0)
            report(step * recipe.global_batch_size * LENGTH)

    recipe = Recipe(0, 50, global_batch_size, micro_batch, OptimConfig(lr=1e-3), ScheduleConfig())
    return forecast(
        ModelConfig(preset="tiny-decoder"),
        100,
        recipe,
        batch(micro_batch),
        device=torch.device("cpu"),
        precision=precision,
        processes=1,
        trial=trial,
        clock=lambda: now,
    )


def test_a_step_of_many_micro_batches_is_extrapolated_from_one_and_two() -> None:
    calls: list[Recipe] = []
    plan = forecast_of(global_batch_size=40, micro_batch=4, calls=calls)
    assert [recipe.global_batch_size for recipe in calls] == [4, 8]
    assert plan.tokens_per_second is not None
    assert plan.tokens_per_second == pytest.approx(40 * LENGTH / (10 * PASS + ONCE))
    assert plan.tokens_per_step == 40 * LENGTH
    assert plan.seconds == pytest.approx(50 * 40 * LENGTH / plan.tokens_per_second)


@pytest.mark.parametrize("stopped", [(2,), (4, 5)])
def test_a_step_that_another_program_stops_does_not_count(stopped: tuple[int, ...]) -> None:
    plan = forecast_of(global_batch_size=40, micro_batch=4, calls=[], stopped=stopped)
    assert plan.tokens_per_second == pytest.approx(40 * LENGTH / (10 * PASS + ONCE))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_memory_is_that_of_the_kernels_of_this_cpu(
    precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bf16 = precision == "bf16"
    activations: list[int] = []
    for has_amx, up_to in ((False, 0), (True, MAX_SOFTMAX_LENGTH if bf16 else 0)):
        monkeypatch.setattr(kernels, "_cpu_has_amx", lambda has_amx=has_amx: has_amx)
        plan = forecast_of(global_batch_size=4, micro_batch=4, calls=[], precision=precision)
        config, expected = ModelConfig(preset="tiny-decoder"), Kernels(softmax_up_to=up_to)
        shape = BatchShape(4, LENGTH)
        assert plan.memory == memory(
            config, 100, shape, expected, bf16=bf16, in_heap=True, moments_in_blocks=1
        )  # of muon
        activations.append(plan.memory["activations"])
    assert (activations[0] != activations[1]) == bf16


def test_one_micro_batch_needs_no_second_trial() -> None:
    calls: list[Recipe] = []
    forecast_of(global_batch_size=4, micro_batch=4, calls=calls)
    assert [recipe.global_batch_size for recipe in calls] == [4]


def test_a_model_that_does_not_fit_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "free_bytes", lambda _: 1000)
    calls: list[Recipe] = []
    plan = forecast_of(global_batch_size=4, micro_batch=4, calls=calls)
    assert not plan.fits
    assert not calls
    assert plan.seconds is None
    assert "doesn't fit" in plan.shown()


def test_a_slow_micro_batch_reads_fewer_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Recipe] = []
    plan = forecast_of(global_batch_size=8, micro_batch=8, calls=calls)
    a_row = sum(plan.flops_per_token.values()) * LENGTH
    monkeypatch.setitem(module.TRIAL_FLOPS, "cpu", 2.5 * a_row)
    calls.clear()
    forecast_of(global_batch_size=8, micro_batch=8, calls=calls)
    assert [recipe.micro_batch for recipe in calls] == [2, 2]
    monkeypatch.setitem(module.TRIAL_FLOPS, "cpu", 0.5 * a_row)
    calls.clear()
    forecast_of(global_batch_size=8, micro_batch=8, calls=calls)
    assert [(recipe.micro_batch, recipe.steps) for recipe in calls] == [(1, 2)]


def test_a_python_shell_shows_a_forecast_in_a_few_lines() -> None:
    lines = repr(forecast_of(global_batch_size=40, micro_batch=4, calls=[])).splitlines()
    assert lines[0] == "<lmkit pretrain --dry-run, on cpu in fp32>" and len(lines) == 6
    assert "about" in lines[-1]
