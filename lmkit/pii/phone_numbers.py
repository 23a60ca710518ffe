"""Phone numbers, in the formats in which people write them.

Choices:
- Numbers have no checksum, so the format decides: with a country code; the North American format;
  with the leading 0 of a trunk call, in groups. Other groups of digits count only after a word like
  `Tel.`.
- Lookalikes are ignored: dates, years, verses, ISBNs, amounts of money, versions.
- Only bounded spans around digits are searched, so the time is linear.
"""

import re
from collections.abc import Iterable, Iterator

WORD = re.compile(
    r"(?:\b(?:tel|telephone|phone|fax|mobile|mob|cell|call|dial|text|sms|whatsapp|hotline|ring|"
    r"telefon|telefax|handy|mobil|rufnummer|t[ée]l|t[ée]l[ée]phone|portable|tel[ée]fono|"
    r"m[óo]vil|telefone|celular|telefono|cellulare|tfn|tlf|puh)|☎|📞)"
    r"(?:s|ephone)?\.?(?:\s(?:us|me|him|her|at|on|now|number|no\.?|n°|is|nr\.?)){0,3}[\s:.(#-]{0,4}$",
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
    "abroad": re.compile(rf"00[1-9][0-9]{{0,2}}(?:{SEPARATOR}{GROUP}){{2,6}}"),
    "american": re.compile(
        r"(?:1[-. ])?(?:\([2-9][0-9]{2}\) ?-?|[2-9][0-9]{2}([-.\u2011 ]))[2-9][0-9]{2}"
        r"[-.\u2011 ][0-9]{4}"
    ),
    "russian": re.compile(r"8 ?\([0-9]{3,5}\) ?[0-9]{1,3}[- ][0-9]{2}[- ][0-9]{2}"),
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
    "trunk": (9, 12),
    "freephone": (10, 10),
}
"""Minimum and maximum number of digits of each format."""
DIGITS_AFTER_A_WORD = (7, 15)
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
    if first not in FIRST or (first == "+" and before.isdigit()):
        return None
    if first.isdigit():
        inside = before in BETWEEN_DIGITS and text[max(0, at - 2) : at - 1].isdigit()
        if before.isalnum() or before in NEVER_BEFORE or inside:
            return None
    for name, form in FORMS.items():
        if (match := form.match(text, at, at + MAX_CHARACTERS)) and _fits(
            text, match, DIGITS[name]
        ):
            return None if DATE.match(text, at) else match.end()
    if not WORD.search(text[max(0, at - WORD_REACH) : at]):
        return None
    match = AFTER_A_WORD.match(text, at, at + MAX_CHARACTERS)
    return match.end() if match and _fits(text, match, DIGITS_AFTER_A_WORD) else None


def _fits(text: str, match: re.Match[str], digits: tuple[int, int]) -> bool:
    """Tell whether a number has a valid count of digits, and doesn't continue after the match."""
    min_digits, max_digits = digits
    count = sum(map(str.isdigit, match[0]))
    return min_digits <= count <= max_digits and not CONTINUES.match(text, match.end())
