import re

from lmkit.reporting.svg_shapes import Bar, bars, picture, shape
from tests.reporting.folders import HOSTILE


def test_bars_are_as_long_as_their_values() -> None:
    found = bars([Bar("a", 100, "100"), Bar("b", 25, "25", "dropped"), Bar("c", 0, "0")], "x")
    wide = [float(each) for each in re.findall(r'width="([\d.]+)" height="18"', found)]
    assert wide[0] == 4 * wide[1] and wide[2] == 0 and wide[3] == 4 * wide[4]


def test_a_small_bar_can_still_be_seen() -> None:
    found = bars([Bar("a", 1_000_000, ""), Bar("b", 1, "")], "x")
    assert 'width="1.5"' in found


def test_names_are_text_and_pictures_have_a_label() -> None:
    found = bars([Bar(HOSTILE, 1, HOSTILE)], HOSTILE)
    assert "<script" not in found and 'role="img" aria-label=' in found


def test_numbers_are_rounded_to_a_tenth_of_a_pixel() -> None:
    assert shape("rect", x=1.26, y=2.0) == '<rect x="1.3" y="2"></rect>'
    assert 'viewBox="0 0 10 20"' in picture(10, 20, "x")
