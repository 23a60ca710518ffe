# ruff: noqa: RUF001 (these letters are intended)
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.text.alphanumerics import letters


@pytest.mark.parametrize(
    "variant",
    [
        "THE WELL-KNOWN CAFÉ ISN'T OPEN",
        "the well known cafe isn\u2019t open!!!",
        "The well\u2014known\r\ncafe\u0301 isnt (open)",
        "The \u201cwell known\u201d ca-\nfé, isn t open\u2026",
    ],
)
def test_case_accents_punctuation_and_line_breaks_do_not_count(variant: str) -> None:
    assert bytes(letters(variant).data) == b"thewellknowncafeisntopen"


def test_other_scripts_have_letters_and_words_too() -> None:
    assert len(letters("Всем привет").words) == 2
    assert bytes(letters("ВСЕМ").data) == bytes(letters("всем").data) != bytes(letters("всех").data)
    assert len(letters("日本語 です").words) == 5  # each character is a word
    assert len(letters("๑ 𠀀𠀁 x").words) == 4


def test_text_without_letters_has_none() -> None:
    for text in ("", "?! \n", "\ud83d", "—"):
        assert len(letters(text).data) == 0


@given(st.text())
def test_each_letter_is_at_its_position(text: str) -> None:
    found = letters(text)
    assert found.positions.tolist() == [
        n for n, character in enumerate(text) if character.isalnum()
    ]
    for byte, position in zip(found.data.tolist(), found.positions.tolist(), strict=True):
        if text[position].isascii():
            assert chr(byte) == text[position].lower()
        else:
            base = unicodedata.normalize("NFKD", text[position].casefold())
            assert byte >= 128 or chr(byte) in base
