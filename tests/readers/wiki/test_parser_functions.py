"""Functions as https://www.mediawiki.org/wiki/Help:Magic_words describes them."""

import pytest

from lmkit.readers.wiki.namespaces import Site
from lmkit.readers.wiki.parser_functions import call_function
from lmkit.readers.wikitext import Page, plain_wikitext


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("{{formatnum:1300}} {{FORMATNUM:-3}}", "1300 -3"),
        ("{{lc:TIDES}} {{uc:straße}} {{lcfirst:ÄB}} {{ucfirst:ёж}}", "tides STRASSE äB Ёж"),
        ("{{padleft:7|3|0}} {{padright:a|3|xy}}", "007 axy"),
        ("{{#if: x | yes | no }}{{#if: | a | b }}{{#if:{{{1|}}}|c}}", "yesb"),
        ("{{#ifeq: 01 | 1 | same | other }}", "same"),
        ("{{#switch: b | a = 1 | b | c = 2 | #default = 3 }}", "2"),
        ("{{#switch: z | a = 1 | 9 }} {{#switch: z | #default = 3 | a = 1 }}", "9 3"),
        ("{{plural:1|day|days}} {{plural:2|day|days}}", "day days"),
        ("a {{#invoke:x|y}} b {{CURRENTYEAR}} c {{DEFAULTSORT:Q}} d", "a b c d"),
        ("{{lc:{{uc:a}}}} {{nowrap|{{formatnum:5}} km}}", "a 5 km"),
        ("{{PAGENAME}} is {{subst:lc:A}}", "Café is a"),
    ],
)
def test_functions_that_need_no_other_page(source: str, shown: str) -> None:
    assert plain_wikitext(source, Page(Site("en"), "Café")) == shown


@pytest.mark.parametrize(
    ("language", "number"), [("en", "1,300.5"), ("de", "1.300,5"), ("fr", "1\u202f300,5")]
)
def test_raw_numbers_have_no_groups(language: str, number: str) -> None:
    assert call_function("formatnum", [number, "R"], language) == "1300.5"
