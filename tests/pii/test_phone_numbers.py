import pytest

from lmkit.pii.detectors import find


def phones(text: str) -> list[str]:
    return [text[one.start : one.end] for one in find(text, ("phone",))]


# Numbers that the regulators reserve for films and books: NANPA, Ofcom, ARCEP, the
# Bundesnetzagentur, ACMA and PTS.
@pytest.mark.parametrize(
    "number",
    [
        "(212) 555-0123",
        "212-555-0199",
        "212.555.0100",
        "+1 212 555 0123",
        "1-800-555-0199",
        "020 7946 0958",
        "(0161) 496 0123",
        "01632 960123",
        "07700 900 123",
        "+44 20 7946 0958",
        "+44 (0)161 496 0123",
        "01 99 00 12 34",
        "06.39.98.12.34",
        "+33 1 99 00 12 34",
        "0033 1 99 00 12 34",
        "030 23125 123",
        "030/23125-123",
        "+49 30 23125123",
        "(02) 5550 1234",
        "0491 570 006",
        "+61 491 570 006",
        "031-390 60 12",
        "+46 8 465 004 00",
    ],
)
def test_numbers_reserved_for_fiction_are_found(number: str) -> None:
    for before, after in (("She wrote down ", "."), ("(", ")"), ("", ", then slept")):
        assert phones(f"{before}{number}{after}") == [number]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Tel. 555-0123", "555-0123"),
        ("Phone: 2125550123 (office)", "2125550123"),
        ("Telefon 23 12 51 23", "23 12 51 23"),
        ("call us at 555 0123 now", "555 0123"),
        ("Tél : 99 00 12 34", "99 00 12 34"),
    ],
)
def test_short_numbers_need_a_word_before_them(text: str, number: str) -> None:
    assert phones(text) == [number]
    assert not phones(text[text.index(number) :])


@pytest.mark.parametrize(
    "text",
    [
        "ISBN 0-306-40615-2 and 978-0-306-40615-7, or ISBN 978 0 306 40615 7",
        "ISSN 2049-3630",
        "on 1999-12-31, 31.12.1999, 12/31/1999 and 2023-01-02 03:04:05",
        "1914-1918, 1939-1945; pp. 123-456; lines 1001-1010",
        "John 3:16-18, Psalm 119:105-112, Gen. 1:1-2:4",
        "1,234,567,890 people paid $1,000,000 or £2 000 000 or 3.14159265358979",
        "version 10.2.30, v1.2.3.4, 87.0.4280.88",
        "ZIP 94105-1234, SSN 123-45-6789, order 12345-67890-11",
        "2010 2011 2012 2013 2014",
        "0.123456789, 1e-10, 12:34:56, 1 2 3 4 5 6 7 8 9 10",
        "called 1234 times, and rang 20 bells",
    ],
)
def test_lookalikes_are_ignored(text: str) -> None:
    assert phones(text) == []
