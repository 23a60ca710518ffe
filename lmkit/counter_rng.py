"""Counter-based random numbers: they depend only on the seed and on what they are for.

Legend: B sequences, N numbers.

Choices:
- Counters in place of a generator with a state (Salmon et al. 2011, "Parallel random numbers: as
  easy as 1, 2, 3"): a number is a hash of the seed and of its use. So it is the same for any
  number of processes, in any order, and after resuming; there is no state to save.
- The hash is the finalizer of SplitMix64 (Steele et al. 2014), which diffuses every bit over all
  others. A sequence's numbers are that generator's outputs from the sequence's key on.
"""

import numpy as np
from numpy.typing import NDArray

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15  # 2^64 / golden ratio, odd
MULTIPLIERS = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""Of the finalizer."""
STREAM_SPACING = 2**32
"""Distance between the counters of two streams: more than a sequence has positions."""


def draw(seed: int, *keys: int) -> int:
    """Return 64 random bits that depend only on the arguments.

    >>> draw(0, 1, 2) == draw(0, 1, 2), draw(0, 1, 2) == draw(0, 2, 1)
    (True, False)
    """
    bits = seed & MASK
    for key in keys:
        bits = _splitmix64_of_one(bits + (key + 1) * GOLDEN & MASK)
    return _splitmix64_of_one(bits)


def row_keys(seed: int, step: int, rows_B: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the key of each sequence's random numbers, in a step of a run.

    >>> together = row_keys(0, 5, np.array([7, 8]))
    >>> row_keys(0, 5, np.array([8])).tolist() == together[1:].tolist()
    True
    """
    first = np.uint64(draw(seed, step))
    return splitmix64(first + (rows_B.astype(np.uint64) + np.uint64(1)) * np.uint64(GOLDEN))


def uniform(keys_B: NDArray[np.uint64], stream: int, count: int) -> NDArray[np.float64]:
    """Return `count` numbers in [0, 1) for each sequence; every stream has separate numbers.

    >>> u_BN = uniform(row_keys(0, 1, np.arange(1000)), stream=0, count=50)
    >>> u_BN.shape, round(float(u_BN.mean()), 2), bool((u_BN < 1).all())
    ((1000, 50), 0.5, True)
    """
    counters_N = np.arange(
        stream * STREAM_SPACING + 1, stream * STREAM_SPACING + count + 1, dtype=np.uint64
    )
    bits_BN = splitmix64(keys_B[:, None] + counters_N * np.uint64(GOLDEN))
    # 53 bits: a float64 holds them exactly, so that none is rounded to 1.
    high_BN = (bits_BN >> np.uint64(11)).astype(np.float64)
    return high_BN * np.float64(2.0**-53)


def splitmix64(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Diffuse every bit over all others."""
    first, second = MULTIPLIERS
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(first)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(second)
    return bits ^ (bits >> np.uint64(31))


def _splitmix64_of_one(bits: int) -> int:
    """Return `splitmix64` of one number; with an array of one it takes ten times as long."""
    first, second = MULTIPLIERS
    bits = (bits ^ bits >> 30) * first & MASK
    bits = (bits ^ bits >> 27) * second & MASK
    return bits ^ bits >> 31
