"""Clusters of near-duplicate documents, each around the representative that is kept.

Choice: documents are processed from best to worst; one that is similar to a kept document is
removed, any other is kept. So every removed document is similar to its own representative, and
similarity doesn't chain: the transitive closure that other tools compute has deleted whole
sources (marin-community/marin#6854).
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]
FEW = 64
"""Candidates that are compared without asking first which of them may be similar."""
MANY = 256
"""Kept documents above which it is asked first which of them may be candidates."""


class Bound(Protocol):
    """Decides which candidates can't be similar enough, faster than they can be compared."""

    def keep(self, document: int) -> None:
        """Take the next document that is kept."""
        ...

    def candidates(self, document: int) -> Positions | None:
        """Return which kept documents may be similar, in order; None if there are too many."""
        ...

    def plausible(self, document: int, kept: Positions) -> Positions:
        """Return which of some kept documents may be similar, by their positions among those."""
        ...


def star_clusters(
    best_first: Iterable[int],
    buckets_of: Callable[[int], Iterable[object]],
    similarity: Callable[[int, int], float],
    threshold: float,
    always_kept: Callable[[int], bool] = lambda _: False,
    bound: Bound | None = None,
) -> dict[int, tuple[int, float]]:
    """Return the documents to remove, each with its most similar kept document and the similarity.

    Only documents that share a bucket are compared. Ties in similarity go to the better document.
    Documents for which `always_kept` is true are never removed; they must come first.

    >>> star_clusters([0, 1, 2], lambda _: ["all"], lambda a, b: 1 - abs(a - b) / 10, 0.9)
    {1: (0, 0.9)}
    """
    kept: list[int] = []
    kept_in: dict[object, array[int]] = {}
    removed: dict[int, tuple[int, float]] = {}
    for document in best_first:
        buckets = list(buckets_of(document))
        best: tuple[int, float] | None = None
        if not always_kept(document):
            found = bound.candidates(document) if bound and len(kept) > MANY else None
            if found is None:
                shared = [kept_in[bucket] for bucket in buckets if bucket in kept_in]
                positions = _union(shared, len(kept))
            else:
                positions = found
            if bound and len(positions) > FEW:
                positions = bound.plausible(document, positions)
            own = set(buckets)
            for position in positions.tolist():
                if found is not None and own.isdisjoint(buckets_of(kept[position])):
                    continue
                value = similarity(kept[position], document)
                if value >= threshold and (best is None or value > best[1]):
                    best = kept[position], value
        if best:
            removed[document] = best
            continue
        for bucket in buckets:
            kept_in.setdefault(bucket, array("q")).append(len(kept))
        kept.append(document)
        if bound:
            bound.keep(document)
    return removed


def _union(sets: Sequence["array[int]"], count: int) -> Positions:
    """Return the positions that are in any of some sets, in order; there are `count` positions."""
    if sum(map(len, sets)) <= FEW:
        return np.array(sorted(set().union(*sets)), np.int64)
    if len(sets) == 1:
        return np.array(sets[0], np.int64)
    present = np.zeros(count, bool)
    for positions in sets:
        present[np.array(positions, np.int64)] = True
    return np.nonzero(present)[0]
