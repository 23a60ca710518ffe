from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.deduplication.clusters import clustering
from lmkit.deduplication.clusters.clustering import Positions, star_clusters


def everywhere(_: int) -> list[str]:
    return ["all"]


def test_similarity_does_not_chain() -> None:
    """Fifty documents, each similar only to the next: every second one is kept."""
    removed = star_clusters(
        range(50), everywhere, lambda a, b: 0.9 if abs(a - b) == 1 else 0.1, 0.7
    )
    assert removed == {number: (number - 1, 0.9) for number in range(1, 50, 2)}


def test_the_representative_is_the_most_similar_kept_document() -> None:
    similarity = {(0, 2): 0.8, (1, 2): 0.9, (0, 1): 0.1}
    assert star_clusters([0, 1, 2], everywhere, lambda a, b: similarity[a, b], 0.7) == {2: (1, 0.9)}


def test_the_best_is_kept_whatever_its_number() -> None:
    assert star_clusters([2, 0, 1], everywhere, lambda *_: 1.0, 0.7) == {0: (2, 1.0), 1: (2, 1.0)}


def test_documents_without_a_common_bucket_are_not_compared() -> None:
    def never(one: int, other: int) -> float:
        raise AssertionError((one, other))

    assert star_clusters([0, 1], lambda number: [number], never, 0.7) == {}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.permutations(range(12)))
def test_removed_documents_are_similar_to_a_kept_one_and_kept_ones_to_none(
    points: list[float], order: list[int]
) -> None:
    def similarity(one: int, other: int) -> float:
        return 1 - abs(points[one] - points[other])

    best_first = [number for number in order if number < len(points)]
    removed = star_clusters(best_first, everywhere, similarity, 0.8)
    kept_ones = [number for number in best_first if number not in removed]
    for number, (kept, value) in removed.items():
        assert kept in kept_ones and value == similarity(kept, number) >= 0.8
        assert best_first.index(kept) < best_first.index(number)
    assert all(similarity(a, b) < 0.8 for a in kept_ones for b in kept_ones if a != b)


class Exactly:
    """A bound that leaves nothing but the similar ones, of some documents without being given any.

    Whether a document is one of those follows from its number.
    """

    def __init__(
        self, similarity: Callable[[int, int], float], threshold: float, of_every: int
    ) -> None:
        self.similarity, self.threshold, self.of_every = similarity, threshold, of_every
        self.kept: list[int] = []

    def keep(self, document: int) -> None:
        self.kept.append(document)

    def candidates(self, document: int) -> Positions | None:
        if not self.of_every or document % self.of_every:
            return None
        return self.plausible(document, np.arange(len(self.kept)))

    def plausible(self, document: int, kept: Positions) -> Positions:
        return np.array(
            [n for n in kept if self.similarity(self.kept[n], document) >= self.threshold], int
        )


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=30),
    st.lists(st.lists(st.integers(0, 3), max_size=3), min_size=30, max_size=30),
    st.integers(0, 20),
    st.integers(0, 3),
)
def test_the_result_is_that_of_a_literal_search_with_and_without_a_bound(
    points: list[float], buckets: list[list[int]], few: int, always: int
) -> None:
    def similarity(one: int, other: int) -> float:
        return 1 - abs(points[one] - points[other])

    expected: dict[int, tuple[int, float]] = {}
    for number in range(always, len(points)):
        similar = [
            (-similarity(kept, number), kept)
            for kept in range(number)
            if kept not in expected and {*buckets[kept]} & {*buckets[number]}
        ]
        if similar and -min(similar)[0] >= 0.8:
            expected[number] = min(similar)[1], -min(similar)[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clustering, "FEW", few)
        patch.setattr(clustering, "MANY", few)
        for bound in (None, *(Exactly(similarity, 0.8, every) for every in (0, 1, 2))):
            assert expected == star_clusters(
                range(len(points)),
                buckets.__getitem__,
                similarity,
                0.8,
                always_kept=lambda number: number < always,
                bound=bound,
            )
