"""Numbers that tell prose and code from noise.

Choices:
- A measure only measures. What is too much or too little is for a stage's options to say.
- Length is counted in characters that can be seen, not in words: much of the world's writing
  puts no spaces between words.
"""

import re
import unicodedata
from collections import Counter

NOT_LETTERS = re.compile(r"[\W\d_]+")


def visible_characters(text: str) -> int:
    r"""Count the characters that aren't white space.

    >>> visible_characters("a b\n言葉")
    4
    """
    return sum(map(len, text.split()))


def letter_share(text: str) -> float:
    """Return how much of the text, without its white space, is letters of any script.

    >>> letter_share("ab 1 $")
    0.5
    """
    total = visible_characters(text)
    letters = len(NOT_LETTERS.sub("", text))
    if letters < total and not text.isascii():
        # Marks are letters too: they are much of Hindi, and \w leaves some of them out.
        letters += sum(
            unicodedata.category(c)[0] == "M" for run in NOT_LETTERS.findall(text) for c in run
        )
    return letters / max(1, total)


def repeated_share(text: str) -> float:
    r"""Return how much of the text is lines that came before.

    >>> repeated_share("ab\ncd\nab")
    0.3333333333333333
    """
    lines = Counter(line for line in text.split("\n") if line.strip())
    repeats = sum(len(line) * (count - 1) for line, count in lines.items())
    return repeats / max(1, sum(len(line) * count for line, count in lines.items()))


MARKUP = re.compile(
    r"</?[A-Za-z!][^<>]{0,500}>|&#?[0-9A-Za-z]{1,10};|\[\[|\]\]|\{\{|\}\}|\{\||\|\}|'''?|={2,6}"
)


def markup_share(text: str) -> float:
    """Return how much of the visible text is tags, entities and the marks of a wiki.

    >>> markup_share("<b>ab</b> c")
    0.7
    """
    marked = sum(len(found) - found.count(" ") for found in MARKUP.findall(text))
    return marked / max(1, visible_characters(text))


def line_lengths(text: str) -> tuple[int, float]:
    r"""Return the length of the longest line, and that of lines on average.

    >>> line_lengths("ab\nabcd")
    (4, 3.0)
    """
    lengths = [len(line) for line in text.split("\n")]
    return max(lengths), sum(lengths) / len(lengths)


def alphanumeric_share(text: str) -> float:
    """Return how much of the text is letters and digits.

    >>> alphanumeric_share("a1 {")
    0.5
    """
    return sum(map(str.isalnum, text)) / max(1, len(text))
