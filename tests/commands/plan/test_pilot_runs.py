from collections.abc import Callable

import pytest

from lmkit.commands.plan.pilot_runs import LEAST_POSITIONS, pilot_sizes
from lmkit.training.planning.model_sizes import ModelSize

SMALL, CHOSEN = ModelSize(4, 128, 2), ModelSize(4, 256, 4)


def speed(size: ModelSize | None) -> float:
    return 3_000.0 if size == SMALL else 1_000.0


def seconds(size: ModelSize | None, positions: float) -> float:
    return positions / speed(size)


def test_pilot_runs_take_the_given_time_together() -> None:
    runs = pilot_sizes(3_600, SMALL, CHOSEN, speed, 1e12).runs
    assert sum(seconds(run.size, run.positions) for run in runs) == pytest.approx(3_600)
    of_small, of_large, long = (run.positions for run in runs)
    assert long == 4 * of_small == 4 * of_large
    assert [run.size for run in runs] == [SMALL, CHOSEN, SMALL]


def test_pilot_runs_of_one_size_have_three_lengths() -> None:
    runs = pilot_sizes(3_600, None, None, speed, 1e12).runs
    assert sum(seconds(run.size, run.positions) for run in runs) == pytest.approx(3_600)
    assert [run.positions / runs[-1].positions for run in runs] == [0.25, 0.5, 1]


@pytest.mark.parametrize(
    ("given", "longest", "expected"),
    [(1e9, 1e7, lambda: 1e7), (0.1, 1e7, lambda: LEAST_POSITIONS)],
)
def test_they_are_no_longer_than_the_run_and_have_some_steps(
    given: float, longest: float, expected: Callable[[], float]
) -> None:
    runs = pilot_sizes(given, SMALL, CHOSEN, speed, longest).runs
    assert max(run.positions for run in runs) == expected()
