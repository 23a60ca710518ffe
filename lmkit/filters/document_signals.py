"""Quality signals that distinguish prose and code from noise.

Choices:
- A signal is only a number. Limits are options of the stage.
- A character is visible unless it is white space, a control character, or one that no reader sees,
  such as a zero-width space.
- Length is counted in visible characters, not in words: many of the world's scripts have no spaces
  between words.
"""

import re
import unicodedata
from collections import Counter
from functools import cache

from lmkit.text.invisible_characters import is_visible

ASCII = bytes(range(0x80))
BEYOND = bytes(range(0x80, 0x100))
BLANKS = bytes(n for n in ASCII if not is_visible(chr(n)))
NON_LETTERS = bytes(n for n in ASCII if not chr(n).isalpha())


def visible_characters(text: str) -> int:
    r"""Count the characters that a reader sees.

    >>> visible_characters("a b\n言葉")
    4
    """
    return visible_and_letters(text)[0]


def letter_fraction(text: str) -> float:
    """Return the fraction of letters of any script among the visible characters.

    >>> letter_fraction("ab 1 $")
    0.5
    """
    visible, letters = visible_and_letters(text)
    return letters / max(1, visible)


def visible_and_letters(text: str) -> tuple[int, int]:
    """Count the characters that a reader sees, and the letters among them.

    Deleting bytes is much faster than testing each character, and most texts are mostly ASCII.
    """
    data = text.encode("utf-8", "surrogatepass")
    if text.isascii():
        return len(data.translate(None, BLANKS)), len(data.translate(None, NON_LETTERS))
    others = Counter(data.translate(None, ASCII).decode("utf-8", "surrogatepass")).items()
    visible = sum(count for character, count in others if _is_visible(character))
    letters = sum(count for character, count in others if _is_letter(character))
    plain = data.translate(None, BEYOND)
    return (
        visible + len(plain.translate(None, BLANKS)),
        letters + len(plain.translate(None, NON_LETTERS)),
    )


_is_visible = cache(is_visible)


@cache
def _is_letter(character: str) -> bool:
    r"""Tell what is a letter. Combining marks are: Hindi has many, and \w excludes some."""
    plain = re.match(r"[^\W\d_]", character) is not None
    mark = unicodedata.category(character)[0] == "M" and is_visible(character)
    return (plain and is_visible(character)) or mark


def repeated_fraction(text: str) -> float:
    r"""Return the fraction of characters in lines that occurred before.

    >>> repeated_fraction("ab\ncd\nab")
    0.3333333333333333
    """
    lines = [line for line in text.split("\n") if line and not line.isspace()]
    if len(set(lines)) == len(lines):
        return 0.0
    counts = Counter(lines)
    repeats = sum(len(line) * (count - 1) for line, count in counts.items())
    return repeats / sum(map(len, lines))
