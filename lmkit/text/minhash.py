"""MinHash: a few numbers per document that tell which documents may be nearly the same.

Choices:
- A shingle is five words in a row, in lower case, without punctuation; a shorter document is one
  shingle, so short ones are compared too. FineWeb takes the same (arXiv 2406.17557, section 3.4).
- 14 bands of 8 rows, as FineWeb: two documents of Jaccard similarity s share a band with
  probability 1 - (1 - s^8)^14. What shares a band is only a candidate.
- The numbers depend on the text alone: the permutations come from a fixed generator, and words
  are hashed by blake2b.
"""

import re
import unicodedata
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

WORDS = re.compile(r"\w+")
AT_ONCE = 4096
"""Shingles whose permutations are held at a time: half a megabyte for each 16 rows."""

Hashes = NDArray[np.uint64]


class WordHashes(dict[str, int]):
    """The hash of each word, computed when it is first met."""

    most = 1_000_000

    def __missing__(self, word: str) -> int:
        """Hash a word; forget all where there are too many, so that memory is bounded."""
        if len(self) >= self.most:
            self.clear()
        data = word.encode("utf-8", "surrogatepass")
        self[word] = value = int.from_bytes(blake2b(data, digest_size=8).digest(), "little")
        return value


def shingles(text: str, words: WordHashes, size: int = 5) -> Hashes:
    """Return the hashes of the different shingles of a text, in ascending order.

    >>> len(shingles("One, two, three, four, five, six.", WordHashes()))
    2
    >>> len(shingles("Two words", WordHashes())), len(shingles("...", WordHashes()))
    (1, 0)
    """
    found = WORDS.findall(unicodedata.normalize("NFC", text).casefold())
    if not found:
        return np.empty(0, np.uint64)
    hashes = np.fromiter(map(words.__getitem__, found), np.uint64, len(found))
    size = min(size, len(hashes))
    count = len(hashes) - size + 1
    mixed = np.full(count, size, np.uint64)
    for place in range(size):  # each word's place counts, so the order of words does
        mixed = _mix(mixed ^ hashes[place : place + count])
    return np.unique(mixed)


def _mix(values: Hashes) -> Hashes:
    """Spread 64 bits (the finalizer of SplitMix64, Steele et al. 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


class Bands:
    """What turns the shingles of a document into one key for each band."""

    def __init__(self, bands: int, rows: int) -> None:
        self.bands = bands
        self.rows = rows
        numbers = _mix(np.arange(2 * bands * rows, dtype=np.uint64))
        self._factors, self._terms = numbers.reshape(2, -1)
        self._factors |= np.uint64(1)  # odd: multiplication is then a permutation

    def keys(self, hashes: Hashes) -> Hashes:
        """Return one key per band; documents that share a key are candidates."""
        least = np.full(self.bands * self.rows, np.iinfo(np.uint64).max, np.uint64)
        for start in range(0, len(hashes), AT_ONCE):
            part = hashes[start : start + AT_ONCE]
            permuted = part[None, :] * self._factors[:, None]
            permuted += self._terms[:, None]
            np.minimum(least, permuted.min(axis=1), out=least)
        keys = np.zeros(self.bands, np.uint64)
        for row in least.reshape(self.bands, self.rows).T:
            keys = _mix(keys ^ row)
        return keys


def catch_probability(similarity: float, bands: int, rows: int) -> float:
    """Return the odds that two documents of a similarity share a band.

    The figure that FineWeb gives for its 14 x 8, at 0.85:

    >>> round(catch_probability(0.85, 14, 8), 3)
    0.988
    """
    return 1 - (1 - similarity**rows) ** bands


def jaccard(one: Hashes, other: Hashes) -> float:
    """Return the share of shingles that two documents have in common; both are sorted.

    >>> jaccard(np.array([1, 2, 3], np.uint64), np.array([2, 3, 4], np.uint64))
    0.5
    """
    if not len(one) or not len(other):
        return 0.0
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)
