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
