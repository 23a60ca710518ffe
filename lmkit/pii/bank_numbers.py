"""Numbers of bank accounts and payment cards, detected by their checksums.

Sources: ISO 13616 and SWIFT's IBAN registry for lengths by country; ISO/IEC 7812 for the check
digit of cards (Luhn), and the issuers' published ranges and lengths.

Choices:
- A number must be in a usual format: without spaces, or in the groups of its kind.
- A 13-digit number that is a valid EAN is a product, even if it would also be valid as an old Visa
  card.
"""

import re
from collections.abc import Iterator

_LENGTHS = """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28
EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26
IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28
NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25
SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""
IBAN_LENGTHS = {part[:2]: int(part[2:]) for part in _LENGTHS.split()}
CHECK_DIGITS = re.compile(r"[0-9]{2}(?=[ A-Z0-9]{10})")
MAX_IBAN = 34 + 8  # with a space after each four characters
GROUPED = re.compile(r"[A-Z0-9]{4}(?: [A-Z0-9]{4})* ?[A-Z0-9]{0,4}")

CARD = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][ .,-])(?:"
    r"[2-6][0-9]{12,18}"
    r"|[2-6][0-9]{3}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,4}(?:\1[0-9]{3})?"
    r"|3[0-9]{3}([ -])[0-9]{6}\2[0-9]{4,5}"
    r")(?![0-9A-Za-z])(?![ -][0-9])"
)
# Prefixes, as the issuers publish them, and the lengths of their numbers.
ISSUERS = (
    (re.compile("4"), {13, 16, 19}),  # Visa
    (re.compile("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), {16}),  # Mastercard
    (re.compile("3[47]"), {15}),  # American Express
    (re.compile("30[0-5]|3[689]"), {14, 16, 19}),  # Diners Club
    (re.compile("35(?:2[89]|[3-8])"), {16, 17, 18, 19}),  # JCB
    (re.compile("6011|64[4-9]|65"), {16, 17, 18, 19}),  # Discover
    (re.compile("62|81"), {16, 17, 18, 19}),  # UnionPay
    (re.compile("50(?:18|20|38)|5[68]|6304|67(?:59|6[1-3])"), {16, 17, 18, 19}),  # Maestro
)


def ibans(text: str, _digit_runs: object = None) -> Iterator[tuple[int, int]]:
    """Yield the start and end of valid IBANs.

    >>> text = "to GB29 NWBK 6016 1331 9268 19 please"  # the registry's example
    >>> [text[start:end] for start, end in ibans(text)]
    ['GB29 NWBK 6016 1331 9268 19']
    """
    for match in CHECK_DIGITS.finditer(text):
        start = match.start() - 2
        length = IBAN_LENGTHS.get(text[max(0, start) : start + 2])
        if length is None or text[max(0, start - 1) : start].isalnum():
            continue
        candidate = text[start : start + MAX_IBAN]
        plain = candidate[:length]
        if plain.isalnum():
            end = length
        else:
            end = length + (length - 1) // 4
            plain = candidate[:end].replace(" ", "")
            if not GROUPED.fullmatch(candidate[:end]) or len(plain) != length:
                continue
        if not candidate[end : end + 1].isalnum() and is_iban(plain):
            yield start, start + end


def is_iban(text: str) -> bool:
    """Check the length and the checksum of an IBAN without spaces.

    >>> is_iban("GB29NWBK60161331926819"), is_iban("GB28NWBK60161331926819")
    (True, False)
    """
    if IBAN_LENGTHS.get(text[:2]) != len(text) or not (text.isascii() and text.isupper()):
        return False
    return text.isalnum() and int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def is_card(digits: str) -> bool:
    """Check the issuer, length and check digit of a card number.

    >>> is_card("4111111111111111"), is_card("4111111111111112")
    (True, False)
    """
    known = any(start.match(digits) and len(digits) in sizes for start, sizes in ISSUERS)
    if not known or len(set(digits)) == 1:
        return False
    return luhn(digits) and not (len(digits) == 13 and ean(digits))


def luhn(digits: str) -> bool:
    """Check the checksum of ISO/IEC 7812, annex B.

    >>> luhn("79927398713"), luhn("79927398710")
    (True, False)
    """
    doubled = (2 * int(digit) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(n - 9 * (n > 9) for n in doubled)) % 10 == 0


def ean(digits: str) -> bool:
    """Check the checksum of a product number (GS1), including ISBNs.

    >>> ean("9780306406157")
    True
    """
    return (sum(map(int, digits[-1::-2])) + 3 * sum(map(int, digits[-2::-2]))) % 10 == 0
