# ruff: noqa: E501 (one case a line)
"""Numbers and units as they are written."""

import pytest

from lmkit.readers.wikitext import plain_wikitext


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("{{convert|12|km2}}", "12 km2"),
        ("{{convert|1,300|km2|sqmi|0|abbr=on}}", "1,300 km2"),
        ("{{convert|5|to|10|km|mi}}", "5 to 10 km"),
        ("{{convert|5|-|10|km}}", "5\u201310 km"),
        ("{{convert|6|ft|2|in|m}}", "6 ft 2 in"),
        ("{{convert|3|x|4|x|5|m|ft}}", "3 x 4 x 5 m"),
        ("{{cvt|2|e6acre}} {{convert|9|sqmi}} {{convert|30|C|F}}", "2 million acre 9 sq mi 30 \u00b0C"),
        ("{{unité|300|km}} {{Unité|12|m|2}} {{unidad|5|kg}}", "300 km 12 m2 5 kg"),
        ("{{val|3.5|u=m}} {{val|1.2|0.3|e=6|u=kg}}", "3.5 m 1.2\u00b10.3\u00d710^6 kg"),
        ("{{frac|1|2}} {{frac|3|1|2}} {{frac|4}}", "1/2 3 1/2 1/4"),
        ("{{circa|1500}} {{as of|2012|5}} {{as of|2012|lc=y}}", "c. 1500 As of May 2012 as of 2012"),
        ("{{start date|1990|5|3}}", "1990-05-03"),
    ],
)  # fmt: skip
def test_quantities_show_what_is_written(source: str, shown: str) -> None:
    assert plain_wikitext(source) == shown
