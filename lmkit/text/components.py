"""Connected components of a graph whose edges lie on disk.

Choice: each round reads all edges, and hooks every component to the smallest that it touches; at
least half of those that touch another vanish. Memory is 8 bytes a node, and a few times that while
labels are looked up.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def components(count: int, edges: Callable[[], Iterable[tuple[Numbers, Numbers]]]) -> Numbers:
    """Return for each node the smallest of its component; `edges` hands out all, in pieces.

    >>> components(5, lambda: [(np.array([4, 3]), np.array([3, 1]))]).tolist()
    [0, 1, 2, 1, 1]
    """
    label = np.arange(count)
    changed = True
    while changed:
        changed = False
        for one, other in edges():
            a, b = label[one], label[other]
            apart = a != b
            if apart.any():
                changed = True
                np.minimum.at(label, np.maximum(a, b)[apart], np.minimum(a, b)[apart])
                label = _flattened(label)
    return label


def _flattened(label: Numbers) -> Numbers:
    while not np.array_equal(further := label[label], label):
        label = further
    return label
