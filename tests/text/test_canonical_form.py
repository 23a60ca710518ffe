import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.text.canonical_form import LONG, Form, canonical_form, patterns

FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")
MARKS = (
    "\u0301\u0316\u0327\u0344\u0340\u0345\u05b0\u0f71\u3099\U0001d165\u0f73\u0f75\u0f81\uff9e\uff9f"
)
LETTERS = "ae\u00e9\u1ed9\ud55c\u1100\u1161\uff76\ufb4a\ufe71\u0915"


@pytest.mark.parametrize("form", ["NFD", "NFKD"])
def test_the_marks_are_all_characters_that_begin_with_one_in_a_form(form: Form) -> None:
    mark, _ = patterns(form)
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        apart = unicodedata.normalize(form, character)
        assert bool(mark.fullmatch(character)) == bool(unicodedata.combining(apart[0]))
        if unicodedata.combining(apart[0]):
            assert all(map(unicodedata.combining, apart))


@pytest.mark.parametrize("form", FORMS)
@given(
    st.text(LETTERS + MARKS, max_size=20),
    st.text(MARKS, min_size=LONG - 2, max_size=3 * LONG),
    st.text(LETTERS + MARKS, max_size=20),
)
def test_long_runs_of_marks_get_the_form_that_python_gives_them(
    form: Form, before: str, marks: str, after: str
) -> None:
    for text in (before + marks + after, before + marks + after + marks + before):
        assert canonical_form(form, text) == unicodedata.normalize(form, text)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("marks", ["\u0301\u0316", "\u0f73", "\u0301\uff9e"])
def test_a_million_marks_take_no_hours(form: Form, marks: str) -> None:
    text = canonical_form(form, "a" + marks * 500_000)
    classes = [unicodedata.combining(each) for each in text[1:]]
    if marks != "\u0301\uff9e" or "K" in form:
        assert classes == sorted(classes) and len(text) >= 1_000_000
