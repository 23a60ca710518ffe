from html.parser import HTMLParser

from lmkit.reporting.escaped_html import Html, element, joined, readable
from tests.reporting.folders import HOSTILE


def test_whatever_is_not_markup_is_text() -> None:
    found = element("p", HOSTILE, element("b", "bold"), title=HOSTILE)
    names: list[str] = []
    texts: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: names.append(tag)  # type: ignore[method-assign]
    parser.handle_data = texts.append  # type: ignore[method-assign]
    parser.feed(found)
    assert names == ["p", "b"] and "".join(texts) == readable(HOSTILE) + "bold"
    assert "\x1b" not in found and "\u202e" not in found and "\\x1b[31m\\u202e" in found


def test_line_breaks_of_documents_are_kept() -> None:
    assert readable("a\n\tb\r\x00") == "a\n\tb\\r\\x00"


def test_joining_escapes_too() -> None:
    assert joined(["<", Html("<br>"), ">"], " ") == "&lt; <br> &gt;"


def test_an_attribute_can_be_left_out_or_have_no_value() -> None:
    assert element("a", hidden=True, title=None, rel=False) == '<a hidden=""></a>'
