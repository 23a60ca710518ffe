import math

import pytest
from pydantic import ValidationError

from lmkit.training.options import ScheduleConfig
from lmkit.training.schedule import automatic_warmup, learning_rate


def rates(config: ScheduleConfig, steps: int, until: int) -> list[float]:
    return [learning_rate(step, 2.0, steps, config) for step in range(1, until + 1)]


def test_warm_up_is_linear_and_the_first_step_already_trains() -> None:
    config = ScheduleConfig(warmup_steps=4)
    assert rates(config, 100, 4) == [0.5, 1.0, 1.5, 2.0]


def test_it_decays_as_a_cosine_and_is_then_constant() -> None:
    config = ScheduleConfig(warmup_steps=2, final_lr_fraction=0.1)
    # A quarter, half and three quarters of the way from 2.0 down to 0.2.
    quarter = 0.2 + 1.8 * (1 + math.sqrt(0.5)) / 2
    wanted = {4: quarter, 6: 1.1, 8: 2.2 - quarter, 10: 0.2, 11: 0.2, 99: 0.2}
    for step, rate in wanted.items():
        assert learning_rate(step, 2.0, 10, config) == pytest.approx(rate, rel=1e-12)


def test_a_shorter_run_follows_the_schedule_of_a_longer_one() -> None:
    config = ScheduleConfig(warmup_steps=10, decay_steps=200)
    assert rates(config, 100, 100) == rates(config, 200, 100)


def test_a_run_shorter_than_its_warmup_ends_during_it() -> None:
    assert rates(ScheduleConfig(warmup_steps=100), 5, 5) == [0.02, 0.04, 0.06, 0.08, 0.1]


def test_without_a_warmup_it_decays_at_once() -> None:
    first, second = rates(ScheduleConfig(warmup_steps=0), 1000, 2)
    assert 2.0 > first > second > 1.99


def test_it_is_always_within_its_bounds() -> None:
    for warmup in (0, 1, 3, 50):
        for steps in (1, 2, 3, 51):
            config = ScheduleConfig(warmup_steps=warmup, final_lr_fraction=0.25)
            assert all(0 < rate <= 2.0 for rate in rates(config, steps, 60))


@pytest.mark.parametrize(
    ("steps", "decay_steps", "warmup"),
    # A quarter of the steps until the end of the decay, rounded down, and at most 100.
    [(3, None, 0), (105, None, 26), (399, None, 99), (10**6, None, 100), (20, 300, 75)],
)
def test_the_warmup_follows_from_the_length_of_the_schedule(
    steps: int, decay_steps: int | None, warmup: int
) -> None:
    assert automatic_warmup(steps, ScheduleConfig(decay_steps=decay_steps)) == warmup


def test_the_number_of_auto_is_not_known_before_the_run() -> None:
    with pytest.raises(ValueError):
        _ = ScheduleConfig().warmup


def test_a_cosine_that_ends_within_the_warmup_is_refused_by_the_names_of_both() -> None:
    with pytest.raises(ValidationError, match=r"--schedule\.decay-steps: got 100.*warmup-steps"):
        ScheduleConfig(warmup_steps=100, decay_steps=100)


def test_linear_decays_evenly() -> None:
    config = ScheduleConfig(kind="linear", warmup_steps=2, final_lr_fraction=0.0)
    assert rates(config, 6, 7) == [1.0, 2.0, 1.5, 1.0, 0.5, 0.0, 0.0]


def test_constant_does_not_decay() -> None:
    assert rates(ScheduleConfig(kind="constant", warmup_steps=1), 3, 5) == [2.0] * 5


def test_the_inverse_root_is_that_of_t5_after_its_warm_up() -> None:
    # Raffel et al., section 3.1.2: 1 / sqrt(max(n, k)), which is the peak at step k.
    config = ScheduleConfig(kind="inverse-sqrt", warmup_steps=100)
    for step in (100, 101, 400, 10_000):
        expected = 2.0 * (1 / math.sqrt(step)) / (1 / math.sqrt(100))
        assert learning_rate(step, 2.0, 500, config) == pytest.approx(expected)


def test_warm_up_stable_decay_has_three_parts() -> None:
    config = ScheduleConfig(kind="wsd", warmup_steps=2, decay_fraction=0.4, final_lr_fraction=0.0)
    assert rates(config, 10, 10) == [1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.5, 1.0, 0.5, 0.0]


def test_until_its_decay_a_longer_run_is_the_same() -> None:
    config = ScheduleConfig(kind="wsd", warmup_steps=10)
    assert rates(config, 100, 80) == rates(config, 500, 80)
