"""Clusters of near-duplicate documents, each around the representative that is kept.

Choice: documents are processed from best to worst; one that is similar to a kept document is
removed, any other is kept. So every removed document is similar to its own representative, and
similarity doesn't chain: the transitive closure that other tools compute has deleted whole
sources (marin-community/marin#6854).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray


def star_clusters(
    best_first: Sequence[int],
    buckets_of: Callable[[int], Iterable[object]],
    similarity: Callable[[int, int], float],
    threshold: float,
    always_kept: Callable[[int], bool] = lambda _: False,
) -> dict[int, tuple[int, float]]:
    """Return the documents to remove, each with its most similar kept document and the similarity.

    Only documents that share a bucket are compared. Ties in similarity go to the better document.
    Documents for which `always_kept` is true are never removed; they must come first.

    >>> star_clusters([0, 1, 2], lambda _: ["all"], lambda a, b: 1 - abs(a - b) / 10, 0.9)
    {1: (0, 0.9)}
    """
    kept_in: defaultdict[object, list[int]] = defaultdict(list)
    removed: dict[int, tuple[int, float]] = {}
    rank = {document: position for position, document in enumerate(best_first)}
    for document in best_first:
        buckets = list(buckets_of(document))
        candidates: set[int] = set()
        if not always_kept(document):
            candidates.update(kept for bucket in buckets for kept in kept_in[bucket])
        best: tuple[int, float] | None = None
        for kept in sorted(candidates, key=rank.__getitem__):
            value = similarity(kept, document)
            if value >= threshold and (best is None or value > best[1]):
                best = kept, value
        if best:
            removed[document] = best
        else:
            for bucket in buckets:
                kept_in[bucket].append(document)
    return removed


Numbers = NDArray[np.int64]


def components(count: int, edges: Callable[[], Iterable[tuple[Numbers, Numbers]]]) -> Numbers:
    """Return the smallest node of each node's component; `edges` yields all edges, in batches.

    Labels are followed to the end once a round: after every batch, that takes time in proportion
    to nodes times edges. In between, they are followed for two steps.

    >>> components(5, lambda: [(np.array([4, 3]), np.array([3, 1]))]).tolist()
    [0, 1, 2, 1, 1]
    """
    label = np.arange(count)
    changed = True
    while changed:
        changed = False
        for one, other in edges():
            a, b = label[label[one]], label[label[other]]
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
