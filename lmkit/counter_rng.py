"""Random numbers that depend on nothing but what they are for.

Legend: B rows, N numbers.

Choices:
- Counters in place of a generator with a state (Salmon et al. 2011, "Parallel random numbers: as
  easy as 1, 2, 3"): a number is a hash of the seed and of what it is drawn for. So it is the same
  for any number of processes, in any order, and after a resume; there is no state to save.
- The hash is the finalizer of SplitMix64 (Steele et al. 2014), which spreads every bit over all
  others. A row's numbers are that generator's stream from the row's key on.
"""

import numpy as np
from numpy.typing import NDArray

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15  # 2^64 / golden ratio, odd
STREAM = 2**32
"""How far the numbers of two purposes lie apart: more than a row has places."""


def draw(seed: int, *keys: int) -> int:
    """Return 64 bits that look random, and depend on nothing but the arguments.

    >>> draw(0, 1, 2) == draw(0, 1, 2), draw(0, 1, 2) == draw(0, 2, 1)
    (True, False)
    """
    bits = np.array([seed & MASK], np.uint64)
    for key in keys:
        bits = mix(bits + np.uint64(((key + 1) * GOLDEN) & MASK))
    return int(mix(bits)[0])


def row_keys(seed: int, step: int, rows_B: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return what the random numbers of each row follow from, in a step of a run.

    >>> both = row_keys(0, 5, np.array([7, 8]))
    >>> row_keys(0, 5, np.array([8])).tolist() == both[1:].tolist()
    True
    """
    first = np.uint64(draw(seed, step))
    return mix(first + (rows_B.astype(np.uint64) + np.uint64(1)) * np.uint64(GOLDEN))


def uniform(keys_B: NDArray[np.uint64], purpose: int, count: int) -> NDArray[np.float64]:
    """Draw `count` numbers from [0, 1) for each row; each purpose has numbers of its own.

    >>> u_BN = uniform(row_keys(0, 1, np.arange(1000)), purpose=0, count=50)
    >>> u_BN.shape, round(float(u_BN.mean()), 2), bool((u_BN < 1).all())
    ((1000, 50), 0.5, True)
    """
    counters_N = np.arange(purpose * STREAM + 1, purpose * STREAM + count + 1, dtype=np.uint64)
    bits_BN = mix(keys_B[:, None] + counters_N * np.uint64(GOLDEN))
    high_BN = (bits_BN >> np.uint64(11)).astype(
        np.float64
    )  # it keeps 53 bits, and rounds none to 1
    return high_BN * np.float64(2.0**-53)


def mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread every bit over all others."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
