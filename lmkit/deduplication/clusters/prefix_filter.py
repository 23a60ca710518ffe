"""Which documents of a large group share a rare shingle: no others can be similar.

Choices:
- All shingles have one order, the rarest in the group first. Two similar documents share most of
  their shingles, so the first that they share in this order lies near the beginning of both: of two
  documents that share none there, nothing else is compared (prefix filter, Chaudhuri et al. 2006,
  Bayardo et al. 2007; positions as Xiao et al. 2008). Pages of one template share only what is
  frequent, so hardly any pair is left.
- With a first shared shingle at index i of x, and j of y, at most |x| - i and |y| - j are shared.
  A Jaccard similarity of t needs t / (1 + t) (|x| + |y|), so |x| - (1 + t) i >= t |y|, and the same
  the other way round. Shingles are sorted with the left side of it: those to look at are one range.
- Shingles are counted in buckets: any order is right, and one that is nearly by frequency is good.
- Documents whose rarest shingles are shared by many others have too many candidates: then another
  bound has to tell them apart.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.deduplication.shingles import Shingles

Positions = NDArray[np.int64]
Keys = NDArray[np.uint64]
BITS_PER_DOCUMENT = 1 << 9
"""Buckets of the counts for each document."""
MAX_BITS = 24
ENTRIES = 1 << 24
"""Shingles that are sorted at a time: some 400 MB."""
MAX_ENTRIES = 1 << 25
"""Shingles that several documents share, at most, or nothing is decided: 400 MB."""
FEW_ENTRIES = 1 << 12
"""Entries that are looked at in any case; else, one for each earlier document."""
SCALE = 16
"""By which numbers of shingles are multiplied before they are rounded to integers."""
SLACK = 1e-3
"""Of a shingle: far more than rounding may add to a similarity."""
BITS, LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


class PrefixFilter:
    """The rare shingles that documents of a group share, which are numbered from the first on."""

    def __init__(
        self, read: Callable[[], Iterable[Shingles]], documents: int, threshold: float
    ) -> None:
        """Take what yields the distinct shingles of each document; it is called a few times."""
        self._threshold = threshold
        bits = min(MAX_BITS, (BITS_PER_DOCUMENT * documents).bit_length())
        self._shift = np.uint32(32 - bits)
        self._counts = np.zeros(1 << bits, np.uint32)
        self._sizes: Positions = np.zeros(documents, np.int64)
        for number, shingles in enumerate(read()):
            np.add.at(self._counts, shingles >> self._shift, np.uint32(1))
            self._sizes[number] = len(shingles)
        self._smallest = int(self._sizes.min(initial=0))
        self._keys, self._documents = np.empty(0, np.uint64), np.empty(0, np.int32)
        self._decides = self._fill(read)

    def earlier(self, number: int, shingles: Shingles) -> Positions | None:
        """Return which documents before this one may be similar; None where they are too many."""
        prefix, indices = self._prefix(shingles)
        first = np.searchsorted(self._keys, prefix << BITS)
        last = self._shared_by(len(shingles), prefix)
        counts = last - first
        total = int(counts.sum())
        if total > max(number, FEW_ENTRIES) or not self._decides:
            return None
        rows = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(total)
        others = self._documents[rows]
        left = len(shingles) - (1 + self._threshold) * np.repeat(indices, counts)
        plausible = (others < number) & (left >= self._threshold * self._sizes[others] - SLACK)
        return np.unique(others[plausible]).astype(np.int64)

    def _shared_by(self, size: int, prefix: Keys) -> Positions:
        """Return where the documents end for which each shingle is early enough."""
        least = max(0, int(SCALE * (self._threshold * size - SLACK)) - 1)
        return np.searchsorted(self._keys, (prefix << BITS) | (LOW - np.uint64(least)), "right")

    def _prefix(self, shingles: Shingles) -> tuple[Keys, Positions]:
        """Return those that others may share, of the first shingles in the order; their indices."""
        length = 1 + int(self._longest(len(shingles)))
        counts = self._counts[shingles >> self._shift]
        keys = (counts.astype(np.uint64) << BITS) | shingles
        if length < len(keys):
            keys = np.partition(keys, length - 1)[:length]
        keys.sort()
        (indices,) = np.nonzero(keys >> BITS > np.uint64(1))
        return keys[indices] & LOW, indices

    def _longest(self, size: Any) -> Any:
        """Return the largest index of the first shingle that similar documents share."""
        # What it is compared with has at least so many shingles.
        other = np.maximum(self._smallest, self._threshold * size)
        return (size - self._threshold * other) / (1 + self._threshold) + SLACK

    def _fill(self, read: Callable[[], Iterable[Shingles]]) -> bool:
        """Set each shingle that several documents have in their prefixes, and the documents.

        In the low bits of a key is how early the shingle is, from the earliest on. Returns whether
        they are few enough.
        """
        passes = 1 + int(self._longest(self._sizes).sum()) // ENTRIES
        borders = [(number << 32) // passes for number in range(passes + 1)]
        for first, stop in pairwise(borders):
            keys, documents = self._entries(read(), first, stop)
            self._keys = np.append(self._keys, keys)
            self._documents = np.append(self._documents, documents)
            if len(self._keys) > MAX_ENTRIES:
                return False
        return True

    def _entries(
        self, read: Iterable[Shingles], first: int, stop: int
    ) -> tuple[Keys, NDArray[np.int32]]:
        """Return what the table holds of a range of shingles."""
        keys: list[Keys] = [np.empty(0, np.uint64)]
        for shingles in read:
            prefix, indices = self._prefix(shingles)
            selected = (prefix >= first) & (prefix < stop)
            left = len(shingles) - (1 + self._threshold) * indices[selected]
            early = np.maximum(0, SCALE * (left + SLACK)).astype(np.uint64) + np.uint64(1)
            keys.append((prefix[selected] << BITS) | (LOW - early))
        documents = np.repeat(np.arange(len(keys) - 1, dtype=np.int32), [*map(len, keys[1:])])
        found = np.concatenate(keys)
        order = np.argsort(found)
        found, documents = found[order], documents[order]
        same = found[1:] >> BITS == found[:-1] >> BITS
        shared = np.append(same, False) | np.insert(same, 0, False) if len(found) else same
        return found[shared], documents[shared]
