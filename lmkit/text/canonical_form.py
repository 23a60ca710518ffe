r"""Unicode's normal forms (Unicode Standard Annex #15), in a time that is linear in the text.

Choices:
- Python sorts the marks after a letter by insertion: 400 kB of two marks in turn took 30 s, in
  which it obeys no signal. So the marks of a long run are sorted here first, by the canonical
  ordering algorithm (Unicode Standard, 3.11, D109), and Python finds them in order.
- Real text has a few marks in a row, and the search for a long run tries every 32nd character.
"""

import re
import unicodedata
from functools import cache
from typing import Literal

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
LONG = 32
"""Marks in a row. The Stream-Safe Text Format allows 30 (UAX #15, section 13)."""
FORMS_OF_MARKS = {"NFD": "\u0f73\u0f75\u0f81", "NFKD": "\u0f73\u0f75\u0f81\uff9e\uff9f"}
"""What is no mark itself, but has a decomposition of nothing but marks."""


def canonical_form(form: Form, text: str) -> str:
    r"""Return `unicodedata.normalize(form, text)`.

    >>> canonical_form("NFC", "e\u0301") == "\u00e9"
    True
    """
    if len(text) >= LONG and not text.isascii():
        apart = "NFKD" if "K" in form else "NFD"
        mark, long_run = patterns(apart)
        if mark.search(text[LONG - 1 :: LONG]):
            text = long_run.sub(lambda run: _in_order(apart, run[0]), text)
    return unicodedata.normalize(form, text)


def _in_order(apart: Form, marks: str) -> str:
    """Decompose marks, and sort them by their combining class; those of one class stay in order."""
    decomposed = {ord(each): unicodedata.normalize(apart, each) for each in {*marks}}
    return "".join(sorted(marks.translate(decomposed), key=unicodedata.combining))


@cache
def patterns(apart: Form) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return patterns that find a mark of a decomposed form, and a long run of marks."""
    marks = [chr(code) for code in range(0x300, 0x20000) if unicodedata.combining(chr(code))]
    inside = "".join(marks) + FORMS_OF_MARKS[apart]
    return re.compile(f"[{inside}]"), re.compile(f"[{inside}]{{{LONG},}}")
