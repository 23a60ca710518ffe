"""Clusters of documents that are nearly the same, each around the one that stays.

Choice: documents are taken from the best down; one that is like one that stays goes, any other
stays. So each that goes is like the one kept for it, and likeness makes no chains: the transitive
closure that other tools take has wiped whole sources (marin-community/marin#6854).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence


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
