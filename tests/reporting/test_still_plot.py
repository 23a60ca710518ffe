import re

import numpy as np

from lmkit.reporting.still_plot import HEIGHT, WIDTH, Line, Scale, still_plot

X = np.arange(1.0, 6)


def test_points_lie_inside_the_picture() -> None:
    found = still_plot([Line(X, X**3, "c0")], "x", is_log=True, dots=False)
    (path,) = re.findall(r'<path d="([^"]+)"', found)
    pairs = re.findall(r"[ML]([\d.]+) ([\d.]+)", path)
    assert len(pairs) == 5
    assert all(0 <= float(x) <= WIDTH and 0 <= float(y) <= HEIGHT for x, y in pairs)


def test_a_gap_interrupts_the_line() -> None:
    y = np.array([1, 2, np.nan, 3, 4.0])
    found = still_plot([Line(X, y, "c0")], "x", is_log=False, dots=False)
    assert found.count("M") == 2


def test_what_a_log_axis_cannot_show_is_left_out() -> None:
    found = still_plot([Line(X, np.zeros(5), "c0")], "x", is_log=True, dots=True)
    assert "nan" not in found and "inf" not in found and "<circle" not in found


def test_a_single_point_is_a_dot() -> None:
    found = still_plot([Line(X[:1], X[:1], "c0")], "x", is_log=False, dots=False)
    assert found.count("<circle") == 1


def test_a_scale_maps_its_ends_to_pixels() -> None:
    assert Scale(1, 100, 0, 10, is_log=True).at(np.array([1, 10, 100.0])).tolist() == [0, 5, 10]
