"""Clusters of documents that are nearly the same, each around the one that stays.

Choice: documents are taken from the best down; one that is like one that stays goes, any other
stays. So each that goes is like the one kept for it, and likeness makes no chains: the transitive
closure that other tools take has wiped whole sources (marin-community/marin#6854).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray


def stars(
    best_first: Sequence[int],
    buckets_of: Callable[[int], Iterable[object]],
    similarity: Callable[[int, int], float],
    threshold: float,
    stays: Callable[[int], bool] = lambda _: False,
) -> dict[int, tuple[int, float]]:
    """Return which documents go, for each the most similar one that stays, and how similar it is.

    Only documents that share a bucket are compared. Of equally similar ones, the better counts.
    Those that `stays` tells stay whatever they are like; they must come first.

    >>> stars([0, 1, 2], lambda _: ["all"], lambda a, b: 1 - abs(a - b) / 10, 0.9)
    {1: (0, 0.9)}
    """
    kept_in: defaultdict[object, list[int]] = defaultdict(list)
    gone: dict[int, tuple[int, float]] = {}
    rank = {document: place for place, document in enumerate(best_first)}
    for document in best_first:
        buckets = list(buckets_of(document))
        candidates: set[int] = set()
        if not stays(document):
            candidates.update(kept for bucket in buckets for kept in kept_in[bucket])
        best: tuple[int, float] | None = None
        for kept in sorted(candidates, key=rank.__getitem__):
            alike = similarity(kept, document)
            if alike >= threshold and (best is None or alike > best[1]):
                best = kept, alike
        if best:
            gone[document] = best
        else:
            for bucket in buckets:
                kept_in[bucket].append(document)
    return gone


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
