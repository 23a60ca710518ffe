"""Words that were divided at the end of a line: whether the hyphen goes or stays.

Choices:
- Typesetting doesn't tell whether it has added a hyphen ("inves-" "tigation") or the word has one
  ("well-" "known"). The document does, if it has the word elsewhere: the more frequent form wins.
- Else the hyphen stays next to a digit or before a capital letter, which no division produces,
  after a single letter, after prefixes of English compounds that seldom begin other words, and
  where both parts are words of the document. Everything else is joined.
"""

import re
from collections import Counter
from itertools import pairwise

PREFIXES = frozenset(
    """
    two three four five six seven eight nine ten twenty thirty forty fifty sixty seventy eighty
    ninety first second third fourth fifth well self all ill far cross full part vice quasi ultra
    best large small middle single
    """.split()  # noqa: SIM905
)
"""Parts after which an English hyphen is rather the word's own than the line's."""
SUFFIXES = frozenset(
    """
    able age ed en er ers est ful ing ings ish less ly ment ness ship some teen th ty
    """.split()  # noqa: SIM905
)
"""Syllables that make such a part a longer word: self-ish, cross-ing."""
SHORTEST = 3
"""Parts with fewer letters are words by chance."""
WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*(?:[-\u2010\u2011][^\W\d_]+)*")
BEFORE = re.compile(r"[\w'\u2019]*\Z")
AFTER = re.compile(r"\A[\w'\u2019]*")
REACH = 100
"""Longest part of a word that is looked at."""


def join_divided_words(text: str, mark: str) -> str:
    r"""Replace the marks of hyphens at line ends by a hyphen or nothing.

    >>> join_divided_words("inves\x02tigation, well\x02known, Jean\x02Paul, 20\x02year", "\x02")
    'investigation, well-known, Jean-Paul, 20-year'
    """
    parts = text.split(mark)
    if len(parts) == 1:
        return text
    words = _words(parts)
    pieces = [parts[0]]
    for left, right in pairwise(parts):
        before, after = _match(BEFORE, left[-REACH:]), _match(AFTER, right[:REACH])
        keep = _keeps_hyphen(before, after, words)
        pieces += ["-" if keep else "", right]
    return "".join(pieces)


def _words(parts: list[str]) -> Counter[str]:
    """Count the words that aren't divided."""
    counts: Counter[str] = Counter()
    for number, part in enumerate(parts):
        # The halves of divided words are no words.
        start = len(_match(AFTER, part[:REACH])) if number else 0
        last = number == len(parts) - 1
        stop = len(part) - (0 if last else len(_match(BEFORE, part[-REACH:])))
        for found in WORD.finditer(part, start, max(start, stop)):
            word = found[0].lower().replace("\u2010", "-").replace("\u2011", "-")
            counts[word] += 1
            if "-" in word:
                counts.update(word.split("-"))
    return counts


def _match(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[0] if found else ""


def _keeps_hyphen(left: str, right: str, words: Counter[str]) -> bool:
    if not left or not right:
        return True
    if left[-1].isdigit() or right[0].isdigit() or len(left) == 1:
        return True
    if right[0].isupper() and not left.isupper():
        return True
    first, second = left.lower(), right.lower()
    joined, hyphenated = words[first + second], words[f"{first}-{second}"]
    if joined or hyphenated:
        return hyphenated > joined
    if second in SUFFIXES:
        return False
    if first in PREFIXES:
        return True
    if min(len(first), len(second)) < SHORTEST:
        return False
    return bool(words[first] and words[second])
