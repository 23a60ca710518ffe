"""Telephone numbers, as people write them.

Choices:
- Numbers have no checksum, so the way of writing decides: with a country code; as North America
  writes them; with the leading 0 of a trunk call, in groups. Other groups of digits count only
  behind a word like `Tel.`.
- What other things look like is left alone: dates, years, verses, ISBNs, sums of money, versions.
- Only bounded stretches around digits are looked at, so the time is linear.
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
LONGEST = 40
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
"""Ways of writing that need no word before them."""
BEHIND_A_WORD = re.compile(rf"\(?[0-9]{{2,12}}\)?(?:{SEPARATOR}{{1,2}}[0-9]{{2,8}}){{0,5}}")
DIGITS = {
    "international": (8, 15),
    "abroad": (10, 17),
    "american": (10, 11),
    "russian": (10, 12),
    "trunk": (9, 12),
    "freephone": (10, 10),
}
"""The fewest and the most digits of each."""
DIGITS_BEHIND_A_WORD = (7, 15)
GOES_ON = re.compile(r"[0-9A-Za-z_]|[.,:/-][0-9]| [0-9]{3}")
DAY, MONTH, YEAR = "(?:0?[1-9]|[12][0-9]|3[01])", "(?:0?[1-9]|1[0-2])", "(?:1[5-9]|20)"
DATE = re.compile(
    rf"(?:{DAY}[./-]{MONTH}|{MONTH}[./-]{DAY})[./-]{YEAR}?[0-9]{{2}}(?![./-]?[0-9])|{YEAR}[0-9]{{2}}[./-]"
)
FIRST = frozenset("+(0123456789")
NEVER_BEFORE = frozenset("+-/,#$€£=_")
"""What stands before a number that is part of something else."""
BETWEEN_DIGITS = frozenset(" .:")


def phone_numbers(text: str, stretches: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield where telephone numbers begin and end; `stretches` are where digits stand together.

    >>> text = "Call (212) 555-0123 before 1999."
    >>> [text[start:end] for start, end in phone_numbers(text, [(6, 27)])]
    ['(212) 555-0123']
    """
    for start, stop in stretches:
        at = max(0, start - len("(+"))
        while at < stop:
            if (end := _end_of_number(text, at)) is None:
                at += 1
            else:
                yield at, end
                at = end


def _end_of_number(text: str, at: int) -> int | None:
    """Return where the number that begins here ends."""
    first, before = text[at : at + 1], text[max(0, at - 1) : at]
    if first not in FIRST or (first == "+" and before.isdigit()):
        return None
    if first.isdigit():
        inside = before in BETWEEN_DIGITS and text[max(0, at - 2) : at - 1].isdigit()
        if before.isalnum() or before in NEVER_BEFORE or inside:
            return None
    for name, form in FORMS.items():
        if (match := form.match(text, at, at + LONGEST)) and _fits(text, match, DIGITS[name]):
            return None if DATE.match(text, at) else match.end()
    if not WORD.search(text[max(0, at - WORD_REACH) : at]):
        return None
    match = BEHIND_A_WORD.match(text, at, at + LONGEST)
    return match.end() if match and _fits(text, match, DIGITS_BEHIND_A_WORD) else None


def _fits(text: str, match: re.Match[str], digits: tuple[int, int]) -> bool:
    """Tell whether a number has as many digits as it must, and nothing goes on behind it."""
    least, most = digits
    count = sum(map(str.isdigit, match[0]))
    return least <= count <= most and not GOES_ON.match(text, match.end())
