# ruff: noqa: RUF001 (these characters are intended)
import unicodedata

import pytest

from lmkit.text.invisible_characters import (
    KINDS,
    is_visible,
    removed_invisible,
    without_invisible,
)


@pytest.mark.parametrize(
    "text",
    ["", " \n\u00a0", "\u200b" * 200, "\ufeff\u00ad", "\u200e\u200f\u2066", "\u3164\u2800\0"],
)
def test_a_text_without_a_visible_character(text: str) -> None:
    assert not is_visible(text)
    assert is_visible(text + "a") and is_visible("字" + text)


@pytest.mark.parametrize("character", "a.字\u0600\u0301\u0e34\U0001f600\U0001f1e9\U0001f3fb")
def test_letters_marks_and_emoji_are_visible(character: str) -> None:
    assert is_visible(character) and without_invisible(character) == character


@pytest.mark.parametrize("kind", KINDS)
def test_characters_of_every_kind_are_invisible_to_unicode(kind: str) -> None:
    characters = [chr(code) for code in range(0x110000) if without_invisible(chr(code)) == ""]
    for character in characters:
        assert not is_visible(character)
        assert unicodedata.category(character) in {"Cf", "Mn"}
    text, counts = removed_invisible(f"a{KINDS[kind][0]}b", soft_only=False)
    assert (text, counts) == ("ab", {kind: 1})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("super\u200bcali\u200b\u200bfragi", "supercalifragi"),
        ("при\u200bвет", "привет"),
        ("नम\u200bस्ते", "नमस्ते"),
        ("東京\u200bタワー", "東京タワー"),
        ("สวัสดี\u200bครับ", None),
        ("ສະບາຍ\u200bດີ", None),
        ("សួស្តី\u200bបង", None),
        ("မင်္ဂလာ\u200bပါ", None),
        ("ใช้\u200bPython\u200bได้", None),
        ("ใช้ a\u200bb", "ใช้ ab"),
    ],
)
def test_zero_width_spaces_stay_where_they_separate_words(text: str, expected: str | None) -> None:
    found, counts = removed_invisible(text, soft_only=True)
    assert found == (expected or text)
    assert counts == ({"zero_width_spaces": text.count("\u200b")} if expected else {})


@pytest.mark.parametrize(
    "text",
    [
        "👨\u200d👩\u200d👧",
        "می\u200cخواهم",
        "❤\ufe0f",
        "א\u200fb",
        "क\u094d\u200dष",
        "葛\U000e0100",
    ],
)
def test_joiners_marks_and_selectors_stay_unless_all_are_removed(text: str) -> None:
    assert removed_invisible(text, soft_only=True) == (text, {})
    found, counts = removed_invisible(text, soft_only=False)
    assert found == without_invisible(text) and sum(counts.values()) == len(text) - len(found) > 0


def test_long_runs_take_linear_time() -> None:
    text = "\u200b" * 1_000_000
    assert removed_invisible(text + "ก", soft_only=True)[0] == text + "ก"
    assert removed_invisible(text + "b", soft_only=True) == ("b", {"zero_width_spaces": 1_000_000})
