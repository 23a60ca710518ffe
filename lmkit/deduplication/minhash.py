"""MinHash signatures: a few numbers per document, to find candidate pairs of near-duplicates.

Choices:
- 14 bands of 8 rows, as FineWeb: two documents of Jaccard similarity s share a band with
  probability 1 - (1 - s^8)^14, the LSH S-curve. A pair that shares a band is only a candidate.
- A permutation is a multiplication by an odd number, and an addition, modulo 2^32; thousands of
  shingles are permuted at a time, which numpy does with the processor's vector instructions.
  Measured recall agrees with the S-curve within its standard error
  (tests/benchmarks/dedup_against_datatrove.py).
"""

import numpy as np
from numpy.typing import NDArray

from lmkit.deduplication.options import candidate_probability
from lmkit.deduplication.shingles import Hashes, Shingles, mix

AT_ONCE = 4096
"""Shingles that are permuted at a time: 16 kB for each row."""


class Bands:
    """Computes one key per band from the shingles of a document."""

    def __init__(self, bands: int, rows: int) -> None:
        self.bands = bands
        self.rows = rows
        numbers = mix(np.arange(2 * bands * rows, dtype=np.uint64)) >> np.uint64(32)
        self._factors, self._terms = numbers.astype(np.uint32).reshape(2, -1, 1)
        self._factors |= np.uint32(1)  # odd: multiplication is then a permutation
        self._permuted = np.empty((bands * rows, AT_ONCE), np.uint32)

    def keys(self, found: Shingles, lengths: NDArray[np.int64]) -> Hashes:
        """Return one row per band, with a key for each document.

        Documents that share a key are candidates. The shingles are concatenated; `lengths` is the
        number of shingles of each document. A document without any gets a meaningless key.
        """
        (filled,) = np.nonzero(lengths)
        ends = np.cumsum(lengths[filled])
        starts = ends - lengths[filled]
        minimum = np.full((self.bands * self.rows, len(filled)), 0xFFFFFFFF, np.uint32)
        for offset in range(0, len(found), AT_ONCE):
            part = found[offset : offset + AT_ONCE]
            permuted = self._permuted[:, : len(part)]
            np.multiply(part[None], self._factors, out=permuted)
            permuted += self._terms
            first, last = (
                np.searchsorted(ends, offset, "right"),
                np.searchsorted(starts, offset + len(part)),
            )
            segments = np.maximum(starts[first:last] - offset, 0)
            current = minimum[:, first:last]
            np.minimum(current, np.minimum.reduceat(permuted, segments, axis=1), out=current)
        keys = np.zeros((self.bands, len(lengths)), np.uint64)
        for row in minimum.reshape(self.bands, self.rows, -1).swapaxes(0, 1):
            keys[:, filled] = mix(keys[:, filled] ^ row)
        return keys


def lsh_curve_text(bands: int, rows: int) -> str:
    """Describe the LSH S-curve: how often documents are compared, by their similarity."""
    points = (0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
    odds = (f"{point:.2f}: {candidate_probability(point, bands, rows):.0%}" for point in points)
    return f"{bands} bands of {rows} rows: documents this similar are compared: {', '.join(odds)}"
