import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.training import loss_spikes
from lmkit.training.loss_spikes import (
    HISTORY_LENGTH,
    MIN_HISTORY,
    highest_expected,
    updated_history,
    z_score,
)
from lmkit.training.options import SpikeConfig

CONFIG = SpikeConfig()
FALLING = [5 - step / 50 + (0.02 if step % 2 else -0.02) for step in range(100)]


def is_spike(loss: float, history: Sequence[float], config: SpikeConfig = CONFIG) -> bool:
    return loss_spikes.is_spike(loss, highest_expected(history, config))


def test_the_score_is_that_of_iglewicz_and_hoaglin() -> None:
    # Median 10, deviations 4 2 0 1 90 with median 2: 0.6745 x 90 / 2.
    assert z_score(100.0, [6.0, 8.0, 10.0, 11.0, 100.0]) == pytest.approx(0.6745 * 45)


def test_a_decrease_is_no_spike_and_an_increase_is() -> None:
    assert not is_spike(0.1, FALLING)
    assert not is_spike(FALLING[-1] + 0.05, FALLING)
    assert is_spike(30.0, FALLING)
    assert all(is_spike(loss, FALLING) for loss in (math.nan, math.inf, -math.inf))


def test_no_spikes_without_history_or_with_z_none() -> None:
    assert not is_spike(30.0, FALLING[: MIN_HISTORY - 1])
    assert not is_spike(30.0, FALLING, SpikeConfig(z=None))


def test_nearly_constant_losses_do_not_make_the_next_a_spike() -> None:
    assert not is_spike(2.01, [2.0] * 50)
    assert is_spike(3.0, [2.0] * 50)


def test_a_spike_does_not_hide_the_next_and_a_lasting_change_is_adapted_to() -> None:
    history: tuple[float, ...] = tuple(FALLING)
    history = updated_history(1e6, history, highest_expected(history, CONFIG))
    assert is_spike(30.0, history) and max(history) < 20
    for _ in range(HISTORY_LENGTH):
        history = updated_history(30.0, history, highest_expected(history, CONFIG))
    assert not is_spike(30.0, history)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=300))
def test_the_history_stays_finite_and_short(losses: list[float]) -> None:
    history: tuple[float, ...] = ()
    for loss in losses:
        history = updated_history(loss, history, highest_expected(history, CONFIG))
    assert len(history) <= HISTORY_LENGTH and all(map(math.isfinite, history))


def test_the_highest_expected_loss_has_the_score_of_the_limit() -> None:
    highest = highest_expected(FALLING, CONFIG)
    assert CONFIG.z and z_score(highest, FALLING) == pytest.approx(CONFIG.z)
    assert updated_history(30.0, FALLING, highest)[-1] == highest
    assert updated_history(3.0, FALLING, highest)[-1] == 3.0
