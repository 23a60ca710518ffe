import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.filters.document_signals import letter_fraction, repeated_fraction, visible_characters
from lmkit.text.invisible_characters import is_visible


def test_the_signals_of_an_empty_text_are_zero() -> None:
    assert (visible_characters(""), letter_fraction(""), repeated_fraction("")) == (0, 0, 0)


@pytest.mark.parametrize("text", ["plain words", "слова", "हिन्दी में शब्द", "言葉"])
def test_letters_of_every_script_are_counted(text: str) -> None:
    assert letter_fraction(text) == 1


def test_symbols_and_digits_are_not_letters() -> None:
    assert letter_fraction("ab 1 $") == 0.5
    assert letter_fraction("a_1-") == 0.25


def test_only_later_copies_of_a_line_are_repeats() -> None:
    assert repeated_fraction("ab\ncd\nab\n\n\n") == pytest.approx(1 / 3)


@given(st.text(st.characters(codec=None), max_size=30))
def test_counting_by_bytes_equals_counting_by_characters(text: str) -> None:
    visible = [character for character in text if is_visible(character)]
    assert visible_characters(text) == len(visible)
    letters = sum(
        bool(re.fullmatch(r"[^\W\d_]", character)) or unicodedata.category(character)[0] == "M"
        for character in visible
    )
    assert letter_fraction(text) == letters / max(1, visible_characters(text))


def test_characters_that_no_reader_sees_are_not_counted() -> None:
    assert visible_characters("\u200b\u00ad\ufeff\u2060\u200d\x00 \n") == 0
    assert visible_characters("a\u00adb\u200b") == 2
    assert letter_fraction("a\u00adb\ufe0f") == 1
