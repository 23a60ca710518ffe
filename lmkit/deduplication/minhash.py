"""MinHash: a few numbers per document that tell which documents may be nearly the same.

Choices:
- 14 bands of 8 rows, as FineWeb: two documents of Jaccard similarity s share a band with
  probability 1 - (1 - s^8)^14. What shares a band is only a candidate.
- A permutation is a multiplication by an odd number, and an addition, modulo 2^32; thousands of
  shingles are permuted at a time, which numpy does with the processor's vector instructions.
  The curve is met within its standard error (tests/benchmarks/dedup_against_datatrove.py).
"""

import numpy as np
from numpy.typing import NDArray

from lmkit.deduplication.options import catch_probability
from lmkit.deduplication.shingles import Hashes, Shingles, mix

AT_ONCE = 4096
"""Shingles that are permuted at a time: 16 kB for each row."""


class Bands:
    """What turns the shingles of documents into one key for each band."""

    def __init__(self, bands: int, rows: int) -> None:
        self.bands = bands
        self.rows = rows
        numbers = mix(np.arange(2 * bands * rows, dtype=np.uint64)) >> np.uint64(32)
        self._factors, self._terms = numbers.astype(np.uint32).reshape(2, -1, 1)
        self._factors |= np.uint32(1)  # odd: multiplication is then a permutation
        self._permuted = np.empty((bands * rows, AT_ONCE), np.uint32)

    def keys(self, found: Shingles, lengths: NDArray[np.int64]) -> Hashes:
        """Return one row per band, of a key for each document.

        Documents that share a key are candidates. The shingles lie end to end; `lengths` says how
        many each document has. One without any gets a key that means nothing.
        """
        (filled,) = np.nonzero(lengths)
        ends = np.cumsum(lengths[filled])
        starts = ends - lengths[filled]
        least = np.full((self.bands * self.rows, len(filled)), 0xFFFFFFFF, np.uint32)
        for place in range(0, len(found), AT_ONCE):
            part = found[place : place + AT_ONCE]
            permuted = self._permuted[:, : len(part)]
            np.multiply(part[None], self._factors, out=permuted)
            permuted += self._terms
            first, last = (
                np.searchsorted(ends, place, "right"),
                np.searchsorted(starts, place + len(part)),
            )
            here = np.maximum(starts[first:last] - place, 0)
            known = least[:, first:last]
            np.minimum(known, np.minimum.reduceat(permuted, here, axis=1), out=known)
        keys = np.zeros((self.bands, len(lengths)), np.uint64)
        for row in least.reshape(self.bands, self.rows, -1).swapaxes(0, 1):
            keys[:, filled] = mix(keys[:, filled] ^ row)
        return keys


def lsh_curve_text(bands: int, rows: int) -> str:
    """Say how often documents are compared, by their similarity."""
    points = (0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
    odds = (f"{point:.2f}: {catch_probability(point, bands, rows):.0%}" for point in points)
    return f"{bands} bands of {rows} rows: documents this similar are compared: {', '.join(odds)}"
