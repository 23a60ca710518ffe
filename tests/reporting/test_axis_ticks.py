import math

import pytest

from lmkit.reporting.axis_ticks import linear_ticks, log_ticks, tick_text


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 7.5), (6.4, 8.3), (1e-5, 2e-5), (0, 1e9)])
def test_ticks_lie_inside_and_are_1_2_or_5_times_a_power_of_ten_apart(
    low: float, high: float
) -> None:
    ticks = linear_ticks(low, high)
    assert 2 <= len(ticks) <= 11 and low - 1e-9 <= ticks[0] and ticks[-1] <= high * (1 + 1e-9)
    step = ticks[1] - ticks[0]
    digit = step / 10 ** math.floor(math.log10(step * 1.0000001))
    assert min(abs(digit - each) for each in (1, 2, 5)) < 1e-6


def test_ticks_of_many_decades_are_powers_of_ten() -> None:
    assert log_ticks(1e-6, 1e4) == pytest.approx([1e-6, 1e-4, 1e-2, 1, 100, 1e4])


def test_a_log_axis_of_less_than_a_decade_has_linear_ticks() -> None:
    assert log_ticks(6.4, 8.3) == pytest.approx([6.5, 7, 7.5, 8])


def test_one_value_has_one_tick() -> None:
    assert linear_ticks(3, 3) == [3]


def test_ticks_are_short() -> None:
    assert [tick_text(each) for each in (1e6, -2500, 0.25, 3e-5)] == ["1M", "-2.5k", "0.25", "3e-5"]
