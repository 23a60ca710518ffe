import pytest

from lmkit.text.document_parts import parts
from lmkit.text.graphemes import continues, last_boundary

# What UAX #29 and its table of samples call a cluster, and what must not be parted beyond that.
UNITS = {
    "accent": "e\u0301",
    "two accents": "e\u0323\u0301",
    "Thai": "\u0e17\u0e35\u0e48",
    "Thai, vowel before": "\u0e40\u0e01\u0e49",
    "Thai, vowel after": "\u0e19\u0e49\u0e33",
    "Lao": "\u0ea5\u0ec9\u0eb3",
    "Khmer": "\u1780\u17d2\u179a\u17bb",
    "Burmese": "\u1019\u103c\u1014\u103a\u102c"[:2] + "\u102c",
    "Hindi": "\u0915\u093f",
    "Hindi conjunct": "\u0915\u094d\u0937\u0940",
    "Bengali conjunct": "\u09b8\u09cd\u09a4\u09cd\u09b0",
    "Tamil": "\u0b95\u0bcb",
    "Hangul": "\u1112\u1161\u11ab",
    "flag": "\U0001f1e9\U0001f1ea",
    "skin": "\U0001f44d\U0001f3fd",
    "family": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "keycap": "1\ufe0f\u20e3",
    "tags": "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
}


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_a_part_ends_where_a_character_ends(unit: str) -> None:
    size = len(unit)
    text = unit * 100
    for max_characters in (size, size + 1, 3 * size + 1, 50 * size - 1):
        found = [part.text for part in parts(text, max_characters)]
        assert "".join(found) == text
        assert {len(part) % size for part in found} == {0}
        assert max(map(len, found)) == max_characters // size * size


def test_a_carriage_return_stays_with_its_line_feed() -> None:
    found = parts("One two.\r\nThree four.\r\n\r\nFive.", 12)
    assert [part.text for part in found] == ["One two.", "Three four.", "Five."]
    assert [part.after for part in found] == ["\r\n", "\r\n\r\n", ""]


def test_a_character_that_is_too_long_is_cut() -> None:
    text = "a" + "\u0301" * 1_000
    found = parts(text, 100)
    assert "".join(part.text for part in found) == text
    assert max(len(part.text) for part in found) == 100


def test_boundaries_of_plain_text() -> None:
    assert last_boundary("abc", 0, 2) == 2
    assert not continues("abc", 0) and not continues("abc", 3)
