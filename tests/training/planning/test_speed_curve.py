import pytest

from lmkit.training.planning.speed_curve import flops_per_second

MEASURED = {1e6: 2e9, 1e8: 8e9}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [(1e6, 2e9), (1e8, 8e9), (1e7, 4e9), (1e5, 2e9), (1e10, 8e9)],
)
def test_speeds_are_interpolated_and_outside_those_of_the_nearest(
    parameters: float, expected: float
) -> None:
    assert flops_per_second(MEASURED, parameters) == pytest.approx(expected)
