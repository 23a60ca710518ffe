# ruff: noqa: RUF001 (these characters are intended)
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


# Prefixes and lengths follow the numbering plans of the countries; the digits are invented.
@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("请拨打手机13800138000联系我们", "13800138000"),
        ("张三13912345678，李四在开会", "13912345678"),
        ("微信同号 138 0013 8000。", "138 0013 8000"),
        ("传真：０１０－６５５２１２３４", "０１０－６５５２１２３４"),
        ("Звоните по тел. 8-912-345-67-89 с девяти", "8-912-345-67-89"),
        ("или 8 (495) 123-45-67, доб. 3", "8 (495) 123-45-67"),
        ("お電話は03-1234-5678までお願いします", "03-1234-5678"),
        ("大阪は06(6123)4567です", "06(6123)4567"),
        ("मोबाइल 98765 43210 पर कॉल करें", "98765 43210"),
        ("राम का नंबर +91-98765-43210 है", "+91-98765-43210"),
        ("هاتف: ٠٥٠ ١٢٣ ٤٥٦٧ في الرياض", "٠٥٠ ١٢٣ ٤٥٦٧"),
        ("اتصل على 0501234567 الآن", "0501234567"),
        ("Ligue (11) 91234-5678 até as 18h", "(11) 91234-5678"),
        ("WhatsApp 21 99876-5432 (Ana)", "21 99876-5432"),
        ("휴대폰 010-1234-5678로 연락", "010-1234-5678"),
        ("ph: 9876543210, or ask", "9876543210"),
        ("Mob-9876543210", "9876543210"),
        ("أو 00966501234567 مساء", "00966501234567"),
        ("โทร 02-123-4567 ครับ", "02-123-4567"),
    ],
)
def test_numbers_of_other_scripts_and_countries_are_found(text: str, number: str) -> None:
    assert phones(text) == [number]


@pytest.mark.parametrize(
    "text",
    [
        "revenue grew by +100 000 000, and +250 000 people came",
        "rows 200 300 4000 and 250 350 4500 in millimetres",
        "1873 1902 1955 and 212 318 4015 for the towers",
        "订单号13800138000已发货，编号：15912345678",
        "Население выросло на +12 345 678 человек, до 146 748 590",
        "8 912 345 рублей и 8-912 страниц",
        "R$ 91234-5678 não é telefone de 1234-5678-9012",
        "भारत की जनसंख्या 1 210 854 977 और 98765 43210 1",
        "Order 00123456789 and 00000012345678 were shipped",
        "人口13800138000000と12345678901個",
    ],
)
def test_sums_and_rows_of_numbers_in_other_languages_are_ignored(text: str) -> None:
    assert phones(text) == []
