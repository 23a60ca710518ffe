"""The sequences of each step: a pure function of the seed and the step.

Choices:
- The sequences form an endless stream: epoch after epoch, each in a separate order. A batch takes
  the offsets that follow those of the batch before, so every sequence is read exactly once per
  epoch, whatever the batches (`batch_sizes`).
- The order of an epoch is computed offset by offset and never stored: a Feistel network (Luby and
  Rackoff 1988) is a permutation of a power of two, and walking its cycles until a value is below R
  makes it one of R sequences (Black and Rogaway 2002, "Ciphers with arbitrary finite domains"). A
  shuffled list of a billion sequences would take 8 GB.
- A thousand offsets take hardly longer than one: they are computed together, and kept for the next
  batches.
- So there is no loader state. Resuming is exact, also with other processes or micro-batches.
- Every rank has the same number of micro-batches, the last perhaps empty: a rank with one less
  would leave the others waiting for its gradients.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lmkit.counter_rng import GOLDEN, MASK, draw, splitmix64
from lmkit.training.data.batch_sizes import BatchRange

ROUNDS = 12
"""Four make a good cipher of a large domain; three sequences need more to be uniform."""
BLOCK = 1024
"""Offsets that are computed together."""
BLOCKS_KEPT = 1024
"""8 MB; a step reads one of each folder."""


def rows_of_batch(seed: int, batch: BatchRange, rows: int) -> NDArray[np.int64]:
    """Return the sequences that a batch of a run reads, out of `rows`.

    >>> first = rows_of_batch(0, BatchRange(1, start=0, rows=3), 6)
    >>> second = rows_of_batch(0, BatchRange(2, start=3, rows=3), 6)
    >>> sorted([*first.tolist(), *second.tolist()])
    [0, 1, 2, 3, 4, 5]
    """
    return rows_at(seed, batch.start, batch.rows, rows)


def rows_at(seed: int, start: int, count: int, rows: int) -> NDArray[np.int64]:
    """Return the sequences at `count` offsets of the endless stream, from `start` on.

    >>> sorted(rows_at(7, 3, 3, 3).tolist())  # the full second epoch
    [0, 1, 2]
    """
    if rows < 1:
        raise ValueError("there are no sequences to read")
    parts = [np.empty(0, np.int64)]
    while count > 0:
        epoch, within = divmod(start, rows)
        number, first = divmod(within, BLOCK)
        parts.append(_block(seed, epoch, number, rows)[first : first + count])
        start, count = start + len(parts[-1]), count - len(parts[-1])
    return np.concatenate(parts)


def micro_batches_of_rank(
    rows: NDArray[np.int64], rank: int, ranks: int, micro_batch: int
) -> list[NDArray[np.int64]]:
    """Split a rank's part of a batch into micro-batches: as many on every rank, some perhaps empty.

    >>> [m.tolist() for m in micro_batches_of_rank(np.arange(5), rank=0, ranks=2, micro_batch=2)]
    [[0, 1], [2]]
    >>> [m.tolist() for m in micro_batches_of_rank(np.arange(5), rank=1, ranks=2, micro_batch=2)]
    [[3, 4], []]
    """
    smallest, larger = divmod(len(rows), ranks)  # sizes differ by at most one
    first = rank * smallest + min(rank, larger)
    part = rows[first : first + smallest + (rank < larger)]
    starts = range(0, smallest + (larger > 0), micro_batch)
    return [part[start : start + micro_batch] for start in starts]


@lru_cache(BLOCKS_KEPT)
def _block(seed: int, epoch: int, number: int, rows: int) -> NDArray[np.int64]:
    """Return the sequences at the offsets of one block of an epoch; it may be shorter."""
    offsets = np.arange(number * BLOCK, min((number + 1) * BLOCK, rows), dtype=np.uint64)
    return _permuted(offsets, draw(seed, epoch), rows).astype(np.int64)


def _permuted(offsets: NDArray[np.uint64], key: int, rows: int) -> NDArray[np.uint64]:
    """Map each offset below `rows` to another, one to one for every key."""
    bits = (rows - 1).bit_length()
    values = _feistel(offsets, key, bits)
    # At most half of the domain is above `rows`, so a walk takes less than two steps on average.
    while (outside := np.flatnonzero(values >= rows)).size:
        values[outside] = _feistel(values[outside], key, bits)
    return values


def _feistel(values: NDArray[np.uint64], key: int, bits: int) -> NDArray[np.uint64]:
    """Permute the numbers of `bits` bits; the two halves may differ by one bit."""
    low_bits = (bits + 1) // 2
    low_mask, high_mask = np.uint64(2**low_bits - 1), np.uint64(2 ** (bits - low_bits) - 1)
    low, high = values & low_mask, values >> np.uint64(low_bits)
    for number in range(ROUNDS):
        round_key = np.uint64(key + (number + 1) * GOLDEN & MASK)
        if number % 2:
            high ^= splitmix64(low * np.uint64(GOLDEN) + round_key) & high_mask
        else:
            low ^= splitmix64(high * np.uint64(GOLDEN) + round_key) & low_mask
    return high << np.uint64(low_bits) | low
