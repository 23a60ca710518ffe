"""Where a text may be cut: between the characters that a reader sees, of one or more code points.

Choices:
- Those are the extended grapheme clusters of Unicode (UAX #29), as the library regex finds them:
  letters with accents and vowel signs, conjuncts of Indic scripts, syllables of Hangul, flags,
  emoji with skin tones or joined to others, a carriage return with its line feed.
- Beyond that, no combining mark begins a part (some Burmese vowel signs are clusters of their own),
  and a Thai or Lao vowel isn't cut from its consonant, whichever side it is written on.
"""

import unicodedata
from collections import deque

CANDIDATES = 64
"""Boundaries that are tried before the last one is taken as it is."""
BEFORE = frozenset("\u0e40\u0e41\u0e42\u0e43\u0e44\u0ec0\u0ec1\u0ec2\u0ec3\u0ec4")
"""Vowels that are written before their consonant."""
AFTER = frozenset("\u0e30\u0e32\u0e33\u0e45\u0eb0\u0eb2\u0eb3\u0ebd")
"""Vowels that are written after their consonant and aren't combining marks."""


def last_boundary(text: str, start: int, stop: int) -> int:
    """Return the last offset, at most `stop`, before which a text that begins at `start` can end.

    It is `stop` if there is none.

    >>> last_boundary("nai\u0308ve", 0, 3), last_boundary("\u0928\u094d\u0928\u093f", 0, 3)
    (2, 3)
    """
    import regex  # slow to load, and most runs never need it

    found = regex.finditer(r"\X", text[start : stop + 1])
    begins = deque((start + each.start() for each in found), CANDIDATES)
    candidates = [begin for begin in reversed(begins) if begin > start]
    return next(
        (begin for begin in candidates if not continues(text, begin)),
        candidates[0] if candidates else stop,
    )


def continues(text: str, position: int) -> bool:
    """Tell whether a code point belongs to the one before it, whatever that is.

    >>> continues("e\u0301", 1), continues("\u0e40\u0e01", 1), continues("ab", 1)
    (True, True, False)
    """
    if position >= len(text) or not position:
        return False
    character = text[position]
    return (
        unicodedata.category(character)[0] == "M"
        or character in "\u200d"
        or character in AFTER
        or text[position - 1] in BEFORE
    )
