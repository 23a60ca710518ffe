import random
from string import ascii_uppercase, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.pii.bank_numbers import CARD, IBAN_LENGTHS, ean, ibans, is_card, is_iban, luhn

# Examples of SWIFT's IBAN registry.
REGISTRY = """
AD1200012030200359100100 AE070331234567890123456 AL47212110090000000235698741 AT611904300234573201
BE68539007547034 BG80BNBG96611020345678 BR1800360305000010009795493C1 CH9300762011623852957
CZ6508000000192000145399 DE89370400440532013000 DK5000400440116243 EE382200221020145685
ES9121000418450200051332 FI2112345600000785 FR1420041010050500013M02606 GB29NWBK60161331926819
GR1601101250000000012300695 HR1210010051863000160 HU42117730161111101800000000
IE29AIBK93115212345678 IS140159260076545510730339 IT60X0542811101000000123456
LT121000011101001000 LU280019400644750000 LV80BANK0000435195001 MC5811222000010123456789030
MT84MALT011000012345MTLCAST001S NL91ABNA0417164300 NO9386011117947 PL61109010140000071219812874
PT50000201231234567890154 RO49AAAA1B31007593840000 SE4550000000058398257466 SI56263300012039086
SK3112000000198742637541 TR330006100519786457841326 UA213223130000026007233566001
"""
# Numbers that PayPal and Stripe publish for tests.
CARDS = """
378282246310005 371449635398431 378734493671000 30569309025904 38520000023237 6011111111111117
6011000990139424 3530111333300000 3566002020360505 5555555555554444 5105105105105100
4111111111111111 4012888888881881 4222222222222 4242424242424242 4000056655665556
5200828282828210 2223003122003222 3056930009020004 36227206271667 6555900000604105
"""


def grouped(value: str, sizes: tuple[int, ...] = (4,), by: str = " ") -> str:
    parts = []
    while value:
        size = sizes[min(len(parts), len(sizes) - 1)]
        parts.append(value[:size])
        value = value[size:]
    return by.join(parts)


@pytest.mark.parametrize("value", REGISTRY.split())
def test_ibans_of_the_registry_are_found_in_both_formats(value: str) -> None:
    for written in (value, grouped(value)):
        text = f"Pay to {written}, please"
        assert [text[a:b] for a, b in ibans(text)] == [written]
        assert not [*ibans(f"x{written}")] and not [*ibans(f"{written}9")]


@given(st.sampled_from(REGISTRY.split()), st.data())
def test_an_iban_with_one_wrong_character_is_invalid(value: str, data: st.DataObject) -> None:
    # ISO 7064 mod 97-10 finds every single error among digits, and among letters.
    at = data.draw(st.integers(4, len(value) - 1))
    other = data.draw(st.sampled_from(digits if value[at].isdigit() else ascii_uppercase))
    wrong = value[:at] + other + value[at + 1 :]
    assert is_iban(wrong) == (wrong == value)


def test_an_iban_has_the_length_of_its_country() -> None:
    assert is_iban("NO9386011117947") and not is_iban("NO9386011117947" + "0")
    assert not is_iban("XX9386011117947")
    assert IBAN_LENGTHS["MT"] == 31 and len(IBAN_LENGTHS) > 80


@pytest.mark.parametrize("value", CARDS.split())
def test_published_test_cards_are_found_in_all_formats(value: str) -> None:
    assert is_card(value)
    sizes = (4, 6, 5) if len(value) in {14, 15} else (4,)
    for written in (value, grouped(value, sizes), grouped(value, sizes, "-")):
        if len(value) == 13 and written != value:
            continue
        found = [match[0] for match in CARD.finditer(f"card: {written}.")]
        assert found == [written]
    assert not [match[0] for match in CARD.finditer(f"A{value} {value}0000000")]


def test_check_digits_agree_with_the_standards() -> None:
    chance = random.Random(1)
    for _ in range(200):
        digits = "".join(chance.choices("0123456789", k=16))
        total = 0
        for position, digit in enumerate(reversed(digits)):
            value = int(digit) * (2 if position % 2 else 1)
            total += value // 10 + value % 10
        assert luhn(digits) == (total % 10 == 0)
    isbn = "9780306406157"
    assert sum(int(d) * (1 if n % 2 == 0 else 3) for n, d in enumerate(isbn)) % 10 == 0
    assert ean(isbn) and not is_card(isbn)
    assert not is_card("4006381333931")  # a German product of 13 digits
