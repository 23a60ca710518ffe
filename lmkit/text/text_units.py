"""Lines, paragraphs and passages of a text, each as a 64-bit key; equal ones have equal keys.

Choices:
- Words are separated by white space; in scripts that are written without spaces, each character is
  a word. Words are equal if they differ only in letter case or Unicode form, as full texts are.
  Punctuation counts: in code it is half of the content.
- A line ends at a line feed, a paragraph at a line without words. Their keys depend only on their
  words, so white space doesn't count.
- A passage of n words begins at each word. Its key is computed from those of 1, 2, 4, 8, … words,
  so that the cost grows with the logarithm of n.
- 64 bits: among 10^9 passages, the odds that any two different ones have equal keys are 3 %, among
  10^11 some 270 do. They come from blake2b, so nobody can make such pairs on purpose.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from lmkit.text.canonical_form import canonical_form
from lmkit.text.unspaced_scripts import UNSPACED_CLASS

Keys = NDArray[np.uint64]
Numbers = NDArray[np.int64]
FACTOR = 0x9E3779B97F4A7C15
HAS_UNSPACED = re.compile(f"[{UNSPACED_CLASS}]")
WORD = re.compile(r"\S+")
WORD_OR_CHARACTER = re.compile(rf"[{UNSPACED_CLASS}]|[^\s{UNSPACED_CLASS}]+")


class WordKeys(dict[str, int]):
    """The key of each word, computed on first use."""

    max_size = 1_000_000

    def __missing__(self, word: str) -> int:
        """Compute the key of a word; the cache is cleared at some size, to bound memory."""
        if len(self) >= self.max_size:
            self.clear()
        data = canonical_form("NFC", word).casefold().encode("utf-8", "surrogatepass")
        self[word] = key = int.from_bytes(blake2b(data, digest_size=8).digest(), "little")
        return key


def words_of(text: str) -> list[str]:
    """Return the words of a text.

    >>> words_of("a b-c 日本")
    ['a', 'b-c', '日', '本']
    """
    if text.isascii() or not HAS_UNSPACED.search(text):
        return text.split()
    return WORD_OR_CHARACTER.findall(text)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return the start and stop of each word of a text."""
    alone = not text.isascii() and HAS_UNSPACED.search(text)
    return [found.span() for found in (WORD_OR_CHARACTER if alone else WORD).finditer(text)]


@dataclass(frozen=True)
class Units:
    """The words of a text, by lines."""

    keys: Keys
    """The key of each word."""
    line_words: Numbers
    """How many words each line has."""

    @classmethod
    def of(cls, text: str, known: WordKeys) -> "Units":
        """Split a text into words and lines."""
        lines = [words_of(line) for line in text.split("\n")]
        keys = [known[word] for line in lines for word in line]
        counts = np.fromiter(map(len, lines), np.int64, len(lines))
        return cls(np.array(keys, np.uint64), counts)

    def lines(self, min_words: int) -> tuple[Keys, Numbers]:
        r"""Return the keys of the lines with at least `min_words` words, and their line numbers.

        >>> units = Units.of("One two\nthree\n one  TWO", WordKeys())
        >>> keys, lines = units.lines(2)
        >>> len(set(keys.tolist())), lines
        (1, array([0, 2]))
        """
        return self._of_runs(np.arange(len(self.line_words)), self.line_words, min_words)

    def paragraphs(self, min_words: int) -> tuple[Keys, Numbers]:
        r"""Return the keys of the paragraphs with enough words, and their first lines.

        >>> Units.of("One\n\ntwo\nthree\n", WordKeys()).paragraphs(1)[1]
        array([0, 2])
        """
        first, stop = self.paragraph_lines()
        before = np.append(0, np.cumsum(self.line_words))
        return self._of_runs(first, before[stop] - before[first], min_words)

    def paragraph_lines(self) -> tuple[Numbers, Numbers]:
        """Return the first line of each paragraph, and the line after its last one."""
        full = np.concatenate([[False], self.line_words > 0, [False]])
        return np.flatnonzero(full[1:-1] & ~full[:-2]), np.flatnonzero(full[1:-1] & ~full[2:]) + 1

    def _of_runs(self, first: Numbers, counts: Numbers, min_words: int) -> tuple[Keys, Numbers]:
        """Return the keys of runs of words, each from the beginning of its first line."""
        chosen = np.flatnonzero(counts >= max(1, min_words))
        first, counts = first[chosen], counts[chosen]
        if not len(chosen):
            return np.empty(0, np.uint64), first
        before = np.append(0, np.cumsum(self.line_words))[first]
        ends = np.cumsum(counts)
        within = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
        weighted = (
            self.keys[np.repeat(before, counts) + within]
            * _powers_up_to(max(16, int(counts.max()).bit_length()))[within]
        )
        sums = np.add.reduceat(weighted, ends - counts)
        return _mix(sums ^ counts.astype(np.uint64)), first

    def passages(self, size: int) -> Keys:
        """Return the key of the passage of `size` words that begins at each word.

        >>> keys = Units.of("a b a b a", WordKeys()).passages(3)
        >>> keys[0] == keys[2], keys[0] == keys[1], len(keys)
        (np.True_, np.False_, 3)
        """
        count = len(self.keys) - size + 1
        if count <= 0:
            return np.empty(0, np.uint64)
        keys, width = self.keys, 1
        while width < size:
            # Two overlapping passages determine the words as well as two adjacent ones.
            step = min(width, size - width)
            keys = _mix(keys[: len(keys) - step] * np.uint64(FACTOR) + keys[step:])
            width += step
        return keys


@lru_cache(1)
def _powers_up_to(bits: int) -> Keys:
    """Return an odd factor for each position of a word, for less than 2 ^ bits of them."""
    powers = np.full(1 << bits, FACTOR, np.uint64)
    powers[0] = 1
    return np.multiply.accumulate(powers)


def _mix(keys: Keys) -> Keys:
    """Spread 64 bits (the finalizer of SplitMix64, Steele et al. 2014)."""
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))
