r"""Shingles: the word 5-grams of a text, each hashed to 32 bits.

Choices:
- A shingle is five consecutive words, in lower case, without punctuation; a shorter document is
  one shingle, so short ones are compared too. FineWeb does the same (arXiv 2406.17557, 3.4).
- A word is what \w+ matches, with the combining marks in it: Hindi's vowel signs don't split it.
  In scripts that are written without spaces, each character with its marks is a word: five of them
  find copies as five English words do (tests/benchmarks/near_duplicates_by_language.py).
- Many texts are split at a time, as one array of characters: that takes an eighth of the time of re
  and a dictionary of words.
- A word's hash is the polynomial of its characters, modulo 2^64; a shingle's is a sum of those,
  each times a factor for its position, so the order of words counts. Both are mixed well.
- 32 bits of that are kept, the size of the text when it is compressed. Two texts of 700 words then
  seem to share a shingle that they don't once in 10,000 pairs; two of a million words seem about
  0.0001 more similar than they are.
- The hashes depend on the text alone, on every machine.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from sys import maxunicode

import numpy as np
from numpy.typing import NDArray

from lmkit.text.alphanumerics import UNSPACED

WORDS = 5
PIECE = 1 << 16
"""Characters that are split into words at a time."""
LETTER, ALONE, MARK = 1, 2, 3
"""Kinds of characters: a letter or digit; one that is a word; a combining mark."""
MARKS = (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0))
"""Characters among which there are combining marks."""

Hashes = NDArray[np.uint64]
Shingles = NDArray[np.uint32]


def mix(values: Hashes) -> Hashes:
    """Spread 64 bits (the finalizer of SplitMix64, Steele et al. 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values ^= values >> np.uint64(30)
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


def shingles(texts: Sequence[str]) -> tuple[Shingles, NDArray[np.int64]]:
    """Return the distinct shingles of each text, sorted and concatenated; and how many each has.

    >>> shingles(["One, two, three, four, five, six.", "Two words", "..."])[1].tolist()
    [2, 1, 0]
    """
    words, counts = _words(texts)
    text_of = np.repeat(np.arange(len(texts), dtype=np.uint64), counts)
    last = max(0, len(words) - WORDS + 1)
    hashes = _runs([words[offset : offset + last] for offset in range(WORDS)])
    inside = text_of[:last] == text_of[WORDS - 1 :]
    found, texts_of = [hashes[inside]], [text_of[:last][inside]]
    firsts = np.cumsum(counts) - counts
    for size in range(1, WORDS):  # texts that are one shingle
        (short,) = np.nonzero(counts == size)
        found.append(_runs([words[firsts[short] + offset] for offset in range(size)]))
        texts_of.append(short.astype(np.uint64))
    keys = np.concatenate(texts_of) << np.uint64(32)
    keys |= np.concatenate(found) >> np.uint64(32)
    keys.sort()
    keys = keys[np.append(keys[1:] != keys[:-1], True)[: len(keys)]]
    lengths = np.bincount((keys >> np.uint64(32)).astype(np.int64), minlength=len(texts))
    return keys.astype(np.uint32), lengths


def jaccard(one: Shingles, other: Shingles) -> float:
    """Return the fraction of shingles that two documents have in common; both are sorted.

    >>> jaccard(np.array([1, 2, 3], np.uint32), np.array([2, 3, 4], np.uint32))
    0.5
    """
    if not len(one) or not len(other):
        return 0.0
    both = np.concatenate([one, other])
    both.sort()
    common = int(np.count_nonzero(both[1:] == both[:-1]))
    return common / (len(both) - common)


def _runs(words: Sequence[Hashes]) -> Hashes:
    """Hash runs of words, given all the first words, all the second ones, ..."""
    total = np.full(len(words[0]), len(words), np.uint64)
    for word, factor in zip(words, FACTORS, strict=False):
        total += word * factor
    return mix(total)


def _words(texts: Sequence[str]) -> tuple[Hashes, NDArray[np.int64]]:
    """Return the hashes of the words of all texts, and the number of words of each text."""
    hashes, starts = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for first, piece in _pieces("\n".join(texts)):
        codes = _codes(piece)
        begin, end = _borders(_kinds()[codes])
        sums = np.zeros(len(codes) + 1, np.uint64)
        np.cumsum(codes * POWERS[: len(codes)], out=sums[1:])
        hashes.append(mix((sums[end] - sums[begin]) * INVERSES[begin]))
        starts.append(begin + first)
    ends = np.cumsum([len(text) + 1 for text in texts])
    counts = np.diff(np.searchsorted(np.concatenate(starts), ends), prepend=0)
    return np.concatenate(hashes), counts


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Split a text between words; a word of more than 64 thousand characters is split as well."""
    start = 0
    while start < len(text):
        stop = start + PIECE
        if stop < len(text):
            space = max(text.rfind("\n", start, stop), text.rfind(" ", start, stop))
            stop = space + 1 if space >= start else stop
        yield start, text[start:stop]
        start = stop


def _codes(text: str) -> NDArray[np.uint8] | NDArray[np.uint32]:
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _borders(kinds: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each word begins and ends, given the kind of each character."""
    inside = np.zeros(len(kinds) + 2, bool)
    np.not_equal(kinds, 0, out=inside[1:-1])
    (borders,) = np.nonzero(inside[1:] != inside[:-1])
    begin, end = borders[::2], borders[1::2]
    if kinds.max(initial=0) <= LETTER:
        return begin, end
    # A mark belongs to the character before it, and to its script.
    bases = np.where(kinds == MARK, 0, np.arange(len(kinds)))
    before = kinds[np.maximum.accumulate(bases)]
    alone = kinds == ALONE
    alone[1:] |= (kinds[1:] == LETTER) & (before[:-1] == ALONE)
    alone[1:] &= inside[1:-2]  # else it is a border already
    (within,) = np.nonzero(alone[1:])
    return np.sort(np.append(begin, within + 1)), np.sort(np.append(end, within + 1))


@cache
def _kinds() -> NDArray[np.uint8]:
    r"""Return the kind of each character; what \w matches is a letter."""
    characters = "".join(map(chr, range(maxunicode + 1)))
    table = np.zeros(maxunicode + 1, np.uint8)
    for found in re.finditer(r"\w+", characters):
        table[found.start() : found.end()] = LETTER
    for start, stop in UNSPACED:
        table[start:stop] *= ALONE
    marks = [code for code in MARKS if unicodedata.category(chr(code)) in {"Mn", "Mc"}]
    table[marks] = MARK
    return table


FACTORS = mix(np.arange(WORDS, dtype=np.uint64)) | np.uint64(1)
BASE = 0xD1342543DE82EF95  # odd, so it has an inverse; 5 modulo 8, so its powers repeat late
POWERS = np.cumprod(np.full(PIECE, BASE, np.uint64)) * np.uint64(pow(BASE, -1, 1 << 64))
INVERSES = np.cumprod(np.full(PIECE + 1, pow(BASE, -1, 1 << 64), np.uint64)) * np.uint64(BASE)
