"""Finding which of many digests occur more than once.

Choice: sorting with numpy. A set of Python objects would take some ten times the memory.
"""

import numpy as np
from numpy.typing import NDArray


def groups_of_equals(digests: bytes | bytearray) -> tuple[NDArray[np.int64], int]:
    """Give a number to the digests, laid end to end, that occur more than once.

    Returns the number of each digest's group, -1 for one that stands alone, and how many groups
    there are.

    >>> groups_of_equals(b"a" * 16 + b"b" * 16 + b"a" * 16)
    (array([ 0, -1,  0]), 1)
    """
    halves = np.frombuffer(digests, dtype=np.uint64).reshape(-1, 2)
    order = np.lexsort((halves[:, 1], halves[:, 0]))
    ordered = halves[order]
    same = np.all(ordered[1:] == ordered[:-1], axis=1)
    new = np.concatenate([[True], ~same])[: len(ordered)]
    in_group = np.zeros(len(ordered), dtype=bool)
    in_group[:-1] |= same
    in_group[1:] |= same
    number = np.cumsum(new & in_group) - 1
    group_of = np.full(len(ordered), -1, dtype=np.int64)
    group_of[order[in_group]] = number[in_group]
    return group_of, int(number[-1]) + 1 if len(number) else 0
