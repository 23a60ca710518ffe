"""The choice of a size, with speeds that are given instead of measured."""

from pathlib import Path
from typing import Any

import pytest

from lmkit.commands.plan.options import PlanConfig
from lmkit.commands.plan.planned_data import PlannedData
from lmkit.commands.plan.planned_runs import PlannedRuns
from lmkit.commands.plan.size_choice import Sizes
from lmkit.training.planning.forecast import Forecast
from lmkit.training.planning.model_sizes import ModelSize, model_sizes
from lmkit.training.planning.scaling_law import PUBLISHED

FLOPS_PER_SECOND = 1e12
SIZE = ModelSize(6, 384, 6)


def sizes(packed: Path, **budget: Any) -> Sizes:
    """Return sizes that all are computed with the same FLOPs per second."""
    config = PlanConfig.model_validate({"inputs": [packed]} | budget)
    runs = PlannedRuns(config, PlannedData.at((packed,), None, Path("unused")), Path("scratch"))
    found = Sizes(runs, model_sizes())
    speed = FLOPS_PER_SECOND / runs.flops_per_position(SIZE)
    found.measured[SIZE] = Forecast(
        parameters={},
        memory={},
        memory_there=None,
        flops_per_token={},
        steps=1,
        tokens_per_step=1,
        rows_per_step=1,
        rows=1,
        micro_batch=1,
        processes=1,
        device="cpu",
        precision="fp32",
        tokens_per_second=speed,
    )
    return found


def test_hours_are_used_up_with_validation_and_checkpoints(packed: Path) -> None:
    found = sizes(packed, hours=2)
    for size in (ModelSize(4, 128, 2), SIZE):
        assert found.seconds(size, found.positions(size)) == pytest.approx(7_200, rel=0.01)


def test_more_processes_read_more(packed: Path) -> None:
    one, four = (sizes(packed, hours=2, processes=count).positions(SIZE) for count in (1, 4))
    assert four / one == pytest.approx(4, rel=0.01)


def test_flops_give_each_size_its_tokens(packed: Path) -> None:
    found = sizes(packed, flops=1e18)
    assert found.positions(SIZE) * found.runs.flops_per_position(SIZE) == pytest.approx(1e18)


@pytest.mark.parametrize("budget", [{"flops": 1e12}, {"flops": 1e15}, {"hours": 0.5}])
def test_the_best_size_is_that_of_a_slow_search(packed: Path, budget: dict[str, float]) -> None:
    found = sizes(packed, **budget)
    losses: dict[ModelSize, float] = {}
    for size in model_sizes():
        if not found.fits(size):
            continue
        tokens = found.runs.data.effective(found.positions(size))
        losses[size] = PUBLISHED.loss(found.runs.parameters(size), tokens)
    assert found.published_best() == min(losses, key=lambda size: losses[size])


def test_tokens_get_the_size_whose_optimal_data_they_are(packed: Path) -> None:
    found = sizes(packed, tokens=20_000)
    assert found.published_best() == model_sizes()[0]  # nothing is small enough
    wanted = PUBLISHED.parameters_for(found.runs.data.effective(1e12))
    chosen = sizes(packed, tokens=10**12).published_best()
    nearest = min(model_sizes(), key=lambda size: abs(found.runs.parameters(size) - wanted))
    assert chosen in sizes(packed, tokens=1).around(nearest)


def test_a_run_with_little_time_validates_less_often(packed: Path) -> None:
    found = sizes(packed, hours=1)
    one = found.validation_seconds(found.speed(SIZE))
    assert found.pauses(SIZE, 1e6 * one) == 10
    assert found.pauses(SIZE, one) == 1


def test_pilot_runs_have_sizes_on_both_sides_of_all_that_may_be_chosen(packed: Path) -> None:
    found = sizes(packed, hours=2)
    every = found.every
    for chosen in every[:12]:
        small, large = found.for_pilots(chosen)
        assert every.index(small) <= every.index(chosen)
        assert large == found.around(chosen)[-1]
        ratio = found.runs.parameters(large) / found.runs.parameters(small)
        assert small == every[0] or 3 < ratio < 9


def test_pilot_runs_have_the_size_that_is_set(packed: Path) -> None:
    of_tokens = sizes(packed, tokens=10**8)
    chosen = of_tokens.every[5]
    small, large = of_tokens.for_pilots(chosen)
    assert large == chosen and of_tokens.runs.parameters(small) < of_tokens.runs.parameters(chosen)


def test_pilot_runs_beside_a_typed_size_are_smaller_where_the_other_options_allow_it(
    packed: Path,
) -> None:
    typed = {"layers": 6, "hidden_size": 384, "heads": 6}

    def of_pilots(**model: int) -> tuple[ModelSize | None, ModelSize | None, PlannedRuns]:
        found = sizes(packed, hours=1, model=typed | model)
        found.every = [None]
        return *found.for_pilots(None), found.runs

    small, large, runs = of_pilots()
    assert large is None and 3 < runs.parameters(None) / runs.parameters(small) < 9
    assert of_pilots(kv_heads=2)[:2] == (None, None)
    assert of_pilots(layers=1, hidden_size=32, heads=1)[:2] == (None, None)
