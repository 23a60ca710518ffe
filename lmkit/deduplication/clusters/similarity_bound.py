"""An upper bound on the similarity of two documents, from a few hundred bytes of each.

Choices:
- A document is a row of bits, each the parity of the number of its shingles that belong to the bit.
  The bits in which two rows differ are at most the shingles that only one of them has, and that
  limits their Jaccard similarity: no pair that is similar enough is lost (bitmap filter, Sandes et
  al. 2020).
- A shingle that many documents have gets a bit of its own, and the others share the rest: documents
  made from one template differ in few common shingles and many rare ones, and both are counted
  nearly as they are.
- Bits are stored word by word, for all kept documents: one is compared with all of them by a few
  vector operations for each word.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lmkit.deduplication.shingles import Shingles

Positions = NDArray[np.int64]
Words = NDArray[np.uint64]
COMMON = 1 / 16
"""Fraction of documents that have a shingle with a bit of its own."""
MAX_OWN_BITS = 1 << 12
BITS_PER_SHINGLE = 12
"""Shared bits for each shingle without its own bit: few meet in one bit then."""
MIN_SHARED_BITS, MAX_SHARED_BITS = 1 << 9, 1 << 14
MAX_WORDS = 1 << 26
"""Words of all rows: 512 MB."""
BLOCK = 1 << 14
"""Kept documents that are compared at a time: they fit into a processor's cache."""
STEP = 8
"""Words after which those that differ too much are left out."""


class SimilarityBound:
    """The bits of all documents that are kept."""

    def __init__(self, sample: Sequence[Shingles], documents: int, threshold: float) -> None:
        values, counts = np.unique(np.concatenate(sample), return_counts=True)
        (common,) = np.nonzero(counts >= max(2, COMMON * len(sample)))
        common = common[np.argsort(-counts[common], kind="stable")]
        most = 64 * max(1, MAX_WORDS // max(1, documents))
        common = common[: min(MAX_OWN_BITS, most // 2)]
        self._common = np.sort(values[common])
        rare = (int(counts.sum()) - int(counts[common].sum())) / len(sample)
        shared = min(max(BITS_PER_SHINGLE * rare, MIN_SHARED_BITS), MAX_SHARED_BITS, most // 2)
        self._shared = -(-int(shared) // 64) * 64
        self._bits = self._shared + -(-len(common) // 64) * 64
        # Of a similarity s, two documents differ by (1 - s) / (1 + s) of their shingles.
        self._ratio = (1 - threshold) / (1 + threshold)
        self._rows: Words = np.empty((self._bits // 64, 1 << 10), np.uint64)
        self._sizes: Positions = np.empty(1 << 10, np.int64)
        self._kept = 0
        self._last: tuple[Shingles, Words] | None = None

    def row(self, shingles: Shingles) -> Words:
        """Return the bits of a document, given its distinct shingles."""
        if self._last and self._last[0] is shingles:  # a document that is compared, and then kept
            return self._last[1]
        index = np.searchsorted(self._common, shingles)
        index[index == len(self._common)] = 0
        own = self._common[index] == shingles if len(self._common) else np.zeros(len(index), bool)
        bits = np.where(own, index + self._shared, shingles % np.uint32(self._shared))
        odd = (np.bincount(bits, minlength=self._bits) & 1).astype(bool)
        self._last = shingles, np.packbits(odd, bitorder="little").view("<u8")
        return self._last[1]

    def keep(self, shingles: Shingles) -> None:
        """Take the next document that is kept."""
        if self._kept == len(self._sizes):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)], axis=1)
            self._sizes = np.concatenate([self._sizes, np.empty_like(self._sizes)])
        self._rows[:, self._kept] = self.row(shingles)
        self._sizes[self._kept] = len(shingles)
        self._kept += 1

    def plausible(self, shingles: Shingles, kept: Positions) -> Positions:
        """Return which kept documents may be as similar as the threshold."""
        sizes = self._sizes[kept]
        # What rounding may add to a similarity is far less than a thousandth of a shingle.
        limits = (sizes + len(shingles)) * self._ratio + 1e-3
        selected = np.abs(sizes - len(shingles)) <= limits
        kept, limits = kept[selected], np.minimum(limits[selected], 0xFFFF).astype(np.uint16)
        row = self.row(shingles)
        blocks = range(0, len(kept), BLOCK)
        near = [self._near(row, kept[n : n + BLOCK], limits[n : n + BLOCK]) for n in blocks]
        return np.concatenate([np.empty(0, np.int64), *near])

    def _near(self, row: Words, kept: Positions, limits: NDArray[np.uint16]) -> Positions:
        """Return those of a block whose bits differ from a row by no more than their limits."""
        differing = np.zeros(len(kept), np.uint16)
        for start in range(0, len(row), STEP):
            if not len(kept):
                break
            first, last = int(kept[0]), int(kept[-1])
            # A slice where they are without gaps: that copies nothing.
            selected = slice(first, last + 1) if last - first + 1 == len(kept) else kept
            for word in range(start, min(start + STEP, len(row))):
                differing += np.bitwise_count(self._rows[word][selected] ^ row[word])
            near = differing <= limits
            if 2 * np.count_nonzero(near) < len(kept):
                kept, limits, differing = kept[near], limits[near], differing[near]
        return kept[differing <= limits]
