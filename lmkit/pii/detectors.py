"""Detectors of personally identifiable information (PII), one for each kind.

Choices:
- If two kinds overlap, the one with more structure wins: keys, e-mail, IBAN, cards, IP addresses,
  phone numbers.
- Digits and punctuation of other scripts (full-width, Arabic, Persian, Indian) are read as those of
  ASCII, one character for one, so the positions stay.
- Each search is bounded by an anchor (an @, a run of digits, the prefix of a key), so that
  adversarial text takes no longer than other text.
"""

import re
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from lmkit.pii.api_keys import keys
from lmkit.pii.bank_numbers import CARD, ibans, is_card
from lmkit.pii.email_addresses import emails
from lmkit.pii.ip_addresses import ip_addresses
from lmkit.pii.options import Kind
from lmkit.pii.phone_numbers import phone_numbers

Spans = Iterator[tuple[int, int]]
DigitRuns = Sequence[tuple[int, int]]
"""Spans of text that consist of digits and separators."""


class Detection(NamedTuple):
    """A span of PII."""

    start: int
    end: int
    kind: Kind


def cards(text: str, digit_runs: DigitRuns) -> Spans:
    """Yield the start and end of payment card numbers.

    >>> find("Visa 4111 1111 1111 1111 (a number for tests)")
    [Detection(start=5, end=24, kind='card')]
    """
    for start, stop in digit_runs:
        for match in CARD.finditer(text, start, stop):
            if is_card("".join(filter(str.isdigit, match[0]))):
                yield match.span()


ZEROS = "\u0660\u06f0\u0966\u09e6\u0a66\u0ae6\u0be6\u0c66\u0ce6\u0d66\u0e50\uff10"
"""The zero of each script; its other digits follow it."""
ASCII_FORMS = {
    **{ord(zero) + digit: str(digit) for zero in ZEROS for digit in range(10)},
    **{0xFEE0 + code: chr(code) for code in b"+-()./:@_" if code != ord("/")},
    **dict.fromkeys(map(ord, "\u2010\u2012\u2013\u2212"), "-"),
    **dict.fromkeys(map(ord, "\u3000\u2002\u2003\u2005\u2007\u2009\u202f"), " "),
}
FOREIGN = re.compile(f"[{''.join(map(chr, ASCII_FORMS))}]")
DIGIT_RUN = re.compile(r"[0-9][0-9 ().:/,+\u00a0\u2011-]{5,}")
CONTEXT_AFTER = 4
"""Characters after a run of digits that may belong to it, or show that it continues."""
DETECTORS: dict[Kind, Callable[[str, DigitRuns], Spans]] = {
    "key": keys,
    "email": emails,
    "iban": ibans,
    "card": cards,
    "ip": ip_addresses,
    "phone": phone_numbers,
}
"""In order of priority for overlaps."""


def find(text: str, kinds: tuple[Kind, ...] = (*DETECTORS,)) -> list[Detection]:
    """Return the PII in a text, in order of position."""
    if not text.isascii() and FOREIGN.search(text):
        text = text.translate(ASCII_FORMS)
    digit_runs = [
        (match.start(), match.end() + CONTEXT_AFTER) for match in DIGIT_RUN.finditer(text)
    ]
    found: list[Detection] = []
    for kind, detector in DETECTORS.items():
        if kind in kinds:
            new = [Detection(start, end, kind) for start, end in detector(text, digit_runs)]
            if new:
                found = _without_overlaps(found, new)
                text = _masked(text, new)
    return found


def _masked(text: str, found: Sequence[Detection]) -> str:
    """Return a text of the same length in which what was found looks like its tag.

    So the digits of an address don't count as the rest of the phone number before it.
    """
    parts: list[str] = []
    done = 0
    for start, end, _ in sorted(found):
        if start >= done:
            parts += (text[done:start], "[" + "X" * (end - start - 2) + "]")
            done = end
    return "".join([*parts, text[done:]])


def _without_overlaps(found: list[Detection], new: list[Detection]) -> list[Detection]:
    """Add the new detections that don't overlap earlier ones."""
    starts = [one.start for one in found]
    kept: list[Detection] = []
    for one in sorted(new):
        at = bisect(starts, one.start)
        touches = (at > 0 and found[at - 1].end > one.start) or (
            at < len(found) and found[at].start < one.end
        )
        if not touches and not (kept and kept[-1].end > one.start):
            kept.append(one)
    return sorted([*found, *kept])
