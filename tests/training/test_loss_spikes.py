import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.training.loss_spikes import (
    HISTORY_LENGTH,
    MIN_HISTORY,
    is_spike,
    updated_history,
    z_score,
)
from lmkit.training.options import SpikeConfig

CONFIG = SpikeConfig()
FALLING = [5 - step / 50 + (0.02 if step % 2 else -0.02) for step in range(100)]


def test_the_score_is_that_of_iglewicz_and_hoaglin() -> None:
    # Median 10, deviations 4 2 0 1 90 with median 2: 0.6745 x 90 / 2.
    assert z_score(100.0, [6.0, 8.0, 10.0, 11.0, 100.0]) == pytest.approx(0.6745 * 45)


def test_a_decrease_is_no_spike_and_an_increase_is() -> None:
    assert not is_spike(0.1, FALLING, CONFIG)
    assert not is_spike(FALLING[-1] + 0.05, FALLING, CONFIG)
    assert is_spike(30.0, FALLING, CONFIG)
    assert is_spike(math.nan, FALLING, CONFIG) and is_spike(math.inf, FALLING, CONFIG)


def test_no_spikes_without_history_or_with_z_none() -> None:
    assert not is_spike(30.0, FALLING[: MIN_HISTORY - 1], CONFIG)
    assert not is_spike(30.0, FALLING, SpikeConfig(z=None))


def test_nearly_constant_losses_do_not_make_the_next_a_spike() -> None:
    assert not is_spike(2.01, [2.0] * 50, CONFIG)
    assert is_spike(3.0, [2.0] * 50, CONFIG)


def test_a_spike_does_not_hide_the_next_and_a_lasting_change_is_adapted_to() -> None:
    history: tuple[float, ...] = tuple(FALLING)
    history = updated_history(1e6, history, CONFIG)
    assert is_spike(30.0, history, CONFIG) and max(history) < 20
    for _ in range(HISTORY_LENGTH):
        history = updated_history(30.0, history, CONFIG)
    assert not is_spike(30.0, history, CONFIG)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=300))
def test_the_history_stays_finite_and_short(losses: list[float]) -> None:
    history: tuple[float, ...] = ()
    for loss in losses:
        history = updated_history(loss, history, CONFIG)
    assert len(history) <= HISTORY_LENGTH and all(map(math.isfinite, history))
