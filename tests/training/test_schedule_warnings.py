"""Schedules that don't suit the steps of a run."""

import pytest

from lmkit.training.options import ScheduleConfig
from lmkit.training.schedule_warnings import schedule_jump, schedule_warnings


@pytest.mark.parametrize(
    ("steps", "options", "said"),
    [
        # Step 30 of a linear warm-up over 100 to 1e-3 has 30/100 of it.
        (30, {"warmup_steps": 100}, "ends at 3.0e-04 and never reaches --optim.lr 0.001"),
        (100, {"warmup_steps": 60}, "most of the 100 steps"),
        (100, {"warmup_steps": 9, "decay_steps": 150}, "beyond the last step, 100"),
        (200, {"warmup_steps": 9, "decay_steps": 150}, "stays at 1.0e-04 for the 50 steps after"),
    ],
)
def test_a_schedule_that_does_not_suit_the_steps_is_reported(
    steps: int, options: dict[str, int], said: str
) -> None:
    (message,) = schedule_warnings(1e-3, steps, ScheduleConfig(**options))  # pyright: ignore
    assert said in message


@pytest.mark.parametrize("kind", ["cosine", "linear", "constant", "inverse-sqrt", "wsd"])
def test_a_usual_schedule_is_not_reported(kind: str) -> None:
    config = ScheduleConfig(kind=kind, warmup_steps=10)  # pyright: ignore
    assert schedule_warnings(1e-3, 100, config) == []
    assert schedule_jump(50, 100, 1e-3, 100, config) == []


@pytest.mark.parametrize(
    ("kind", "rates"),
    [
        # Linear: the end of 20 steps is a tenth of the peak; step 21 of 40, after 10 of warm-up,
        # is 11/30 of the way from the peak to a tenth of it: 1 - 0.9 * 11/30 = 0.67.
        ("linear", ("1.0e-04", "6.7e-04")),
        # Cosine: (1 + cos(pi * 11/30)) / 2 = 0.70337, and 0.1 + 0.9 * 0.70337 = 0.733.
        ("cosine", ("1.0e-04", "7.3e-04")),
        # It decays over the last fifth: of 40 steps from step 32.
        ("wsd", ("1.0e-04", "1.0e-03")),
    ],
)
def test_a_longer_run_that_jumps_back_up_is_reported(kind: str, rates: tuple[str, str]) -> None:
    config = ScheduleConfig(kind=kind, warmup_steps=10)  # pyright: ignore
    (message,) = schedule_jump(20, 20, 1e-3, 40, config)
    assert f"from {rates[0]} at step 20 to {rates[1]} at step 21" in message


@pytest.mark.parametrize(
    ("step", "options"),
    [
        (0, {"kind": "cosine"}),  # nothing was trained yet
        (20, {"kind": "constant"}),
        (20, {"kind": "inverse-sqrt"}),
        (20, {"kind": "cosine", "decay_steps": 40}),
        (15, {"kind": "wsd"}),  # neither 20 nor 40 steps decay before step 16
    ],
)
def test_a_longer_run_without_a_jump_is_not_reported(step: int, options: dict[str, str]) -> None:
    config = ScheduleConfig(warmup_steps=10, **options)  # pyright: ignore
    assert schedule_jump(step, 20, 1e-3, 40, config) == []
