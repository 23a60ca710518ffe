import pytest

from lmkit.text.curve import NUMBERS, bands_and_rows, catch_probability, shown_curve


@pytest.mark.parametrize(
    ("similarity", "odds"), [(0.75, 0.77), (0.8, 0.92), (0.85, 0.988), (0.7, 0.56)]
)
def test_the_curve_is_that_of_fineweb(similarity: float, odds: float) -> None:
    """Penedo et al. 2024, section 3.4: 56%, 77%, 92% and 98.8%."""
    assert catch_probability(similarity, 14, 8) == pytest.approx(odds, abs=0.006)


@pytest.mark.parametrize("threshold", [0.05, 0.2, 0.5, 0.7, 0.8, 0.9, 0.99, 1])
def test_what_is_at_the_threshold_is_caught_and_one_row_more_would_miss_it(
    threshold: float,
) -> None:
    bands, rows = bands_and_rows(threshold)
    assert bands == NUMBERS // rows
    assert catch_probability(threshold, bands, rows) >= 0.95
    for more in range(rows + 1, NUMBERS + 1):
        assert catch_probability(threshold, NUMBERS // more, more) < 0.95


def test_the_least_threshold_has_one_row() -> None:
    assert bands_and_rows(0.001) == (NUMBERS, 1)


def test_the_curve_is_said_in_per_cent() -> None:
    assert "0.80: 92%" in shown_curve(14, 8)
