"""Phone numbers, in the formats in which people write them.

Choices:
- The format decides first: with a country code; the North American format; with the leading 0 of a
  trunk call, in groups; the national formats of Russia, China, Japan and Brazil. Other groups of
  digits count only after a word like `Tel.`, in the languages of WORD.
- Then the number must exist: country code, area code and length, by the tables of libphonenumber
  (`phonenumbers`). Sums of money and rows of tables have the format, and rarely the digits.
- Lookalikes are ignored: dates, years, verses, ISBNs, amounts of money, versions.
- Only bounded spans around digits are searched, so the time is linear.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import phonenumbers

from lmkit.pii.word_edges import WITHOUT_SPACES

WORD = re.compile(
    r"(?:\b(?:tel|telephone|phone|ph|fax|mobile|mob|cell|call|dial|text|sms|whatsapp|hotline|ring|"
    r"telefon|telefax|handy|mobil|rufnummer|t[ée]l|t[ée]l[ée]phone|portable|tel[ée]fono|"
    r"m[óo]vil|telefone|celular|telefono|cellulare|tfn|tlf|puh|fone|ligue|contato|telepon|"
    r"тел|телефон\w*|моб|мобильн\w*|сот|факс|звон\w*|позвон\w*|набер\w*|вотсап|"
    r"τηλ\w*|טלפון|נייד)|☎|📞|📱|电话|電話|手机|手機|热线|熱線|传真|傳真|致电|致電|拨打|撥打|座机|携帯|"
    r"連絡先|お問い合わせ|ファックス|전화|휴대폰|핸드폰|연락처|팩스|फ़ोन|फोन|मोबाइल|दूरभाष|संपर्क|कॉल|"
    r"هاتف|الهاتف|جوال|الجوال|موبايل|تلفون|اتصل|واتساب|فاكس|تلفن|โทร|เบอร์|điện thoại|sđt)"
    r"(?:s|ephone)?\.?(?:号码|號碼|番号|번호|नंबर|نمبر)?"
    r"(?:\s(?:us|me|him|her|at|on|now|number|no\.?|n°|is|nr\.?|№|на|по|номер\w*|رقم|على|है|पर|नंबर|는)){0,3}"
    r"(?:(?!\n\s*\n)[\s\uff1a:.(#-]){0,4}$",
    re.IGNORECASE,
)
WORD_REACH = 40
MAX_CHARACTERS = 40
SEPARATOR = r"[ .\-/\u00a0\u2011]"
GROUP = r"(?:\([0-9]{1,6}\)|[0-9]{1,12})"
FORMS = {
    # With a country code: 8 to 15 digits (ITU-T E.164).
    "international": re.compile(
        rf"(?:\+[1-9][0-9]{{0,2}}|\(\+[1-9][0-9]{{0,2}}\))(?:{SEPARATOR}{{0,2}}(?:\(0\))?{GROUP}){{1,7}}"
    ),
    "abroad": re.compile(rf"00[1-9][0-9]{{0,2}}(?:{SEPARATOR}{GROUP}){{2,6}}|00[1-9][0-9]{{9,13}}"),
    "american": re.compile(
        r"(?:1[-. ])?(?:\([2-9][0-9]{2}\) ?-?|[2-9][0-9]{2}[-.\u2011])[2-9][0-9]{2}"
        r"[-.\u2011 ][0-9]{4}|1[-. ][2-9][0-9]{2} [2-9][0-9]{2} [0-9]{4}"
    ),
    "russian": re.compile(
        r"8(?: ?\([0-9]{3,5}\) ?|[ -]?[3-9][0-9]{2}[ -])[0-9]{1,3}[- ][0-9]{2}[- ]?[0-9]{2}"
    ),
    "chinese": re.compile(r"(?:86[ -]?)?1[3-9][0-9]([ -])[0-9]{4}\1[0-9]{4}"),
    "japanese": re.compile(r"0[0-9]{1,4}\([0-9]{1,4}\)[0-9]{3,4}"),
    "brazilian": re.compile(r"(?:\(0?[1-9]{2}\) ?|[1-9]{2} (?=9[0-9]{4}-))9? ?[0-9]{4}-[0-9]{4}"),
    "trunk": re.compile(
        rf"(?:\(0[1-9][0-9]{{0,4}}\)|0[1-9][0-9]{{1,4}}|0[1-9](?=[ .-][0-9]{{2,4}}[ .-][0-9]{{2}}))"
        rf"(?:{SEPARATOR}{{1,2}}[0-9]{{2,8}}){{1,4}}"
    ),
    "freephone": re.compile(r"8(?:00|33|44|55|66|77|88)[ -][0-9]{3}[ -][0-9]{4}"),
}
"""Formats that need no word before them."""
AFTER_A_WORD = re.compile(rf"\(?[0-9]{{2,12}}\)?(?:{SEPARATOR}{{1,2}}[0-9]{{2,8}}){{0,5}}")
DIGITS = {
    "international": (8, 15),
    "abroad": (10, 17),
    "american": (10, 11),
    "russian": (10, 12),
    "chinese": (11, 13),
    "japanese": (9, 11),
    "brazilian": (10, 12),
    "trunk": (9, 12),
    "freephone": (10, 10),
}
"""Minimum and maximum number of digits of each format."""
DIGITS_AFTER_A_WORD = (7, 15)
REGIONS = {
    "russian": ("RU", "KZ"),
    "chinese": ("CN",),
    "japanese": ("JP",),
    "brazilian": ("BR",),
    "freephone": ("US",),
}
"""Where a number of each format may exist. Others with a leading 0 exist in one of TRUNK."""
TRUNK = (
    *(
        "DE",
        "GB",
        "FR",
        "IT",
        "JP",
        "CN",
        "AU",
        "NL",
        "IN",
        "KR",
        "TW",
        "BR",
        "AT",
        "CH",
        "BE",
        "SE",
    ),
    *(
        "NO",
        "FI",
        "DK",
        "IE",
        "NZ",
        "ZA",
        "TR",
        "UA",
        "RO",
        "HU",
        "BG",
        "RS",
        "HR",
        "SK",
        "SI",
        "AR",
    ),
    *(
        "EG",
        "SA",
        "AE",
        "MA",
        "DZ",
        "TN",
        "JO",
        "LB",
        "IQ",
        "IR",
        "IL",
        "PK",
        "BD",
        "LK",
        "VN",
        "TH",
    ),
    *("ID", "MY", "PH", "MM", "KH", "LA", "NP", "NG", "KE", "GH", "PE", "VE", "EC", "CU"),
)
NORTH_AMERICAN = re.compile("1[2-9][0-9]{2}[2-9][0-9]{6}")
THOUSANDS = re.compile(r"\+[0-9]{1,3}(?:[ \u00a0][0-9]{3})+")
CHINESE_MOBILE = re.compile(r"1[3-9][0-9]{9}(?![0-9])")
UNSPACED = re.compile(f"[{WITHOUT_SPACES}]")
ZIP_CODE = re.compile(r"[0-9]{5}-[0-9]{4}(?![0-9])")
STATE = re.compile(r"\b[A-Z]{2}[.,]?\s{1,2}$")
HAN = re.compile("[\u3400-\u9fff]")
NUMBER_OF_SOMETHING = re.compile(
    r"(?:订单|訂單|[单單编編帐賬账卡证證流水批序列学學工货貨])[号號]?[码碼]?[\uff1a: ]?$"
    r"|QQ号?[\uff1a:]?$"
)
CONTINUES = re.compile(r"[0-9A-Za-z_]|[.,:/-][0-9]| [0-9]{3}")
DAY, MONTH, YEAR = "(?:0?[1-9]|[12][0-9]|3[01])", "(?:0?[1-9]|1[0-2])", "(?:1[5-9]|20)"
DATE = re.compile(
    rf"(?:{DAY}[./-]{MONTH}|{MONTH}[./-]{DAY})[./-]{YEAR}?[0-9]{{2}}(?![./-]?[0-9])|{YEAR}[0-9]{{2}}[./-]"
)
FIRST = frozenset("+(0123456789")
NEVER_BEFORE = frozenset("+-/,#$€£=_")
"""Characters before a number that is part of something else."""
BETWEEN_DIGITS = frozenset(" .:")


def phone_numbers(text: str, digit_runs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the start and end of phone numbers; `digit_runs` are the spans to search.

    >>> text = "Call (212) 555-0123 before 1999."
    >>> [text[start:end] for start, end in phone_numbers(text, [(6, 27)])]
    ['(212) 555-0123']
    """
    for start, stop in digit_runs:
        at = max(0, start - len("(+"))
        while at < stop:
            if (end := _end_of_number(text, at)) is None:
                at += 1
            else:
                yield at, end
                at = end


def _end_of_number(text: str, at: int) -> int | None:
    """Return the end of the phone number that begins here, None if there is none."""
    first, before = text[at : at + 1], text[max(0, at - 1) : at]
    if first not in FIRST or (first == "+" and before.isalnum() and before.isascii()):
        return None  # the code of a character, or a version
    if first.isdigit():
        inside = before in BETWEEN_DIGITS and text[max(0, at - 2) : at - 1].isdigit()
        is_glued = before.isalnum() and not UNSPACED.match(before)
        if is_glued or inside or (before in NEVER_BEFORE and not _follows_word(text, at)):
            return None
    if ZIP_CODE.match(text, at) and STATE.search(text[max(0, at - 5) : at]):
        return None
    for name, form in FORMS.items():
        match = form.match(text, at, at + MAX_CHARACTERS)
        if name == "international":  # its last groups may be what comes after it
            while match and not _fits(text, match, DIGITS[name]):
                match = form.match(text, at, match.end() - 1)
        if not match or not _fits(text, match, DIGITS[name]):
            continue
        if _exists(name, match[0]) or _follows_word(text, at):
            return None if DATE.match(text, at) else match.end()
    if match := _chinese_mobile(text, at, before):
        return match.end()
    if not _follows_word(text, at):
        return None
    match = None if DATE.match(text, at) else AFTER_A_WORD.match(text, at, at + MAX_CHARACTERS)
    return match.end() if match and _fits(text, match, DIGITS_AFTER_A_WORD) else None


def _follows_word(text: str, at: int) -> bool:
    """Tell whether a word like `Tel.` is right before."""
    return WORD.search(text[max(0, at - WORD_REACH) : at]) is not None


def _chinese_mobile(text: str, at: int, before: str) -> re.Match[str] | None:
    """Match eleven digits without separators next to a Chinese character, as they are usual there.

    They are no phone number after a word like `order number`.
    """
    match = CHINESE_MOBILE.match(text, at)
    if match is None or not (HAN.match(before) or HAN.match(text, match.end())):
        return None
    if NUMBER_OF_SOMETHING.search(text[max(0, at - WORD_REACH) : at]):
        return None
    return match if _exists("chinese", match[0]) else None


@lru_cache(maxsize=4096)
def _exists(form: str, number: str) -> bool:
    """Tell whether a number of a format exists somewhere, by its area code and length."""
    if form == "american":
        return True  # the format is strict, and tables of area codes age
    if form in {"international", "abroad"}:
        digits = "".join(filter(str.isdigit, number.replace("(0)", ""))).removeprefix("00")
        if NORTH_AMERICAN.fullmatch(digits):
            return True
        # Regulators reserve numbers for fiction in ranges that are not assigned.
        is_doubtful = THOUSANDS.fullmatch(number) is not None or number.isdigit()
        return _is_valid(f"+{digits}", None, is_assigned=is_doubtful)
    regions = REGIONS.get(form, TRUNK)
    return any(_is_valid(number, region, is_assigned=True) for region in regions)


def _is_valid(number: str, region: str | None, *, is_assigned: bool) -> bool:
    """Tell whether a number has an existing country code and length, or is in an assigned range."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False
    if is_assigned:
        return phonenumbers.is_valid_number(parsed)
    return phonenumbers.is_possible_number(parsed)


def _fits(text: str, match: re.Match[str], digits: tuple[int, int]) -> bool:
    """Tell whether a number has a valid count of digits, and doesn't continue after the match."""
    min_digits, max_digits = digits
    count = sum(map(str.isdigit, match[0]))
    return min_digits <= count <= max_digits and not CONTINUES.match(text, match.end())
