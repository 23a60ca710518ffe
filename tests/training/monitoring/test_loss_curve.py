import math

import numpy as np
import pytest

from lmkit.training.monitoring.loss_curve import DOTS, LABEL, MAX_INTERVALS, VALIDATION, LossCurve


def curve_of(losses: list[float], first: int = 1) -> LossCurve:
    curve = LossCurve()
    for step, loss in enumerate(losses, start=first):
        curve.add(step, loss)
    return curve


def dots(curve: LossCurve, columns: int, rows: int) -> np.ndarray:
    """Return the dots that are set, by row and column of dots."""
    text = curve.drawn(columns + LABEL + 1, rows + 1)
    assert text is not None
    lines = text.plain.split("\n")[:rows]
    bits = np.zeros((4 * rows, 2 * columns), bool)
    for y, line in enumerate(lines):
        for x, character in enumerate(line[LABEL + 1 :]):
            cell = 0 if character == " " else ord(character) - 0x2800
            for row in range(4):
                for column in range(2):
                    bits[4 * y + row, 2 * x + column] = bool(cell & int(DOTS[row, column]))
    return bits


def test_the_bits_of_a_cell_are_those_of_the_standard() -> None:
    # Unicode: dots 1 to 3 and 7 are the left column from the top, 4 to 6 and 8 the right one; dot
    # n is bit n - 1.
    assert DOTS.T.tolist() == [[1, 2, 4, 64], [8, 16, 32, 128]]


def test_halving_losses_are_a_straight_line() -> None:
    bits = dots(curve_of([2.0**-n for n in range(32)]), columns=16, rows=8)
    rows = [np.flatnonzero(column).tolist() for column in bits.T]
    # The loss of step 5 is the top: what is higher belongs to the first tenth of the steps.
    assert rows[:5] == [[0]] * 5 and rows[-1][-1] == 31
    bottoms = [each[-1] for each in rows[4:]]
    assert set(np.diff(bottoms)) <= {1, 2}


def test_a_column_reaches_from_the_lowest_to_the_highest_loss_of_its_steps() -> None:
    bits = dots(curve_of([4.0, 1.0] * 200), columns=10, rows=4)
    assert bits.all()


def test_a_step_without_a_loss_leaves_no_gap_and_moves_nothing() -> None:
    losses = [3.0 - n / 20 for n in range(40)]
    holed = list(losses)
    holed[20] = math.nan
    assert (dots(curve_of(holed), 20, 5) == dots(curve_of(losses), 20, 5)).all()


def test_a_loss_of_zero_makes_the_axis_linear() -> None:
    bits = dots(curve_of([1.0 - n / 40 for n in range(41)]), columns=20, rows=10)
    bottoms = [np.flatnonzero(column)[-1] for column in bits.T][4:]
    assert set(np.diff(bottoms)) <= {0, 1, 2} and bottoms[-1] == 39


def test_memory_is_bounded_and_a_long_run_has_the_shape_of_a_short_one() -> None:
    def losses(count: int) -> list[float]:
        return [5 * (1 + n / count) ** -2 for n in range(count)]

    long = curve_of(losses(5 * MAX_INTERVALS))
    assert long._low.size == MAX_INTERVALS  # pyright: ignore[reportPrivateUsage]
    bits, expected = dots(long, 30, 8), dots(curve_of(losses(2_000)), 30, 8)
    assert (bits != expected).mean() < 0.03


def test_held_out_losses_have_a_color_of_their_own() -> None:
    curve = curve_of([4.0, 3.5, 3.0, 2.5, 2.2, 2.1, 2.0, 2.0])
    curve.add(9, 2.0, validation_loss=2.4)
    text = curve.drawn(40, 8)
    assert text is not None
    assert [span.style for span in text.spans].count(VALIDATION) == 1


@pytest.mark.parametrize(("columns", "rows"), [(60, 8), (80, 12), (100, 13), (30, 4)])
def test_it_has_the_size_that_was_asked_for(columns: int, rows: int) -> None:
    text = curve_of([10.0, 8.0, 6.0, 5.0] * 300, first=12_000).drawn(columns, rows)
    assert text is not None
    lines = text.plain.split("\n")
    assert len(lines) == rows and max(map(len, lines)) == columns
    assert lines[-1].split() == ["12,000", "step", "13,199"]


def test_the_labels_are_the_losses_at_their_rows() -> None:
    text = curve_of([8.0, 4.0, 2.0, 1.0] * 100).drawn(50, 9)
    assert text is not None
    labels = [line[:LABEL].strip() for line in text.plain.split("\n")[:8]]
    shown = {row: float(label) for row, label in enumerate(labels) if label}
    for row, loss in shown.items():  # 8 to 1 over 8 rows, by their middles
        assert loss == pytest.approx(8 * 8 ** (-(row + 0.5) / 8), rel=5e-3)
    assert len(shown) == 3


def test_there_is_no_curve_of_one_step_or_without_room() -> None:
    assert curve_of([2.0]).drawn(60, 10) is None
    assert curve_of([]).drawn(60, 10) is None
    assert curve_of([2.0, 1.0]).drawn(15, 10) is None
    assert curve_of([2.0, 1.0]).drawn(60, 2) is None
    assert curve_of([math.nan, math.inf]).drawn(60, 10) is None
