from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.deduplication.clusters import prefix_filter
from lmkit.deduplication.clusters.prefix_filter import PrefixFilter
from lmkit.deduplication.shingles import Shingles, jaccard

SHINGLES = st.sets(st.integers(0, 60), min_size=1, max_size=40)


def reading(documents: list[Shingles]) -> Callable[[], Iterable[Shingles]]:
    def read() -> Iterator[Shingles]:
        yield from documents

    return read


@given(
    st.lists(SHINGLES, min_size=1, max_size=30),
    st.sampled_from([0.05, 0.25, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0]),
    st.sampled_from([1, 1_000, 70_000_001]),
    st.sampled_from([20, 300, 1 << 24]),
)
def test_no_pair_that_is_similar_enough_is_lost(
    sets: list[set[int]], threshold: float, spread: int, entries: int
) -> None:
    documents = [np.array(sorted(each), np.uint32) * np.uint32(spread) for each in sets]
    documents = [np.sort(each) for each in documents]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefix_filter, "ENTRIES", entries)
        shared = PrefixFilter(reading(documents), len(documents), threshold)
    for number, document in enumerate(documents):
        found = shared.earlier(number, document)
        similar = [n for n in range(number) if jaccard(documents[n], document) >= threshold]
        if found is not None:
            assert found.tolist() == sorted(found.tolist()) and set(similar) <= {*found.tolist()}
            assert all(n < number for n in found.tolist())


def pages(count: int, template: int, own: int) -> list[Shingles]:
    chance = np.random.default_rng(1)
    common = chance.integers(0, 2**32, template, np.uint32)
    return [
        np.unique(np.append(common, chance.integers(0, 2**32, own, np.uint32)))
        for _ in range(count)
    ]


def test_pages_of_one_template_have_no_candidates_but_their_copies() -> None:
    """525 shingles are of the template, 175 of each page: their similarity is 0.6."""
    documents = pages(300, 525, 175)
    documents[200] = np.delete(documents[100], 3)
    shared = PrefixFilter(reading(documents), len(documents), 0.7)
    for number, document in enumerate(documents):
        found = shared.earlier(number, document)
        assert found is not None and found.tolist() == ([100] if number == 200 else [])


def test_copies_have_too_many_candidates() -> None:
    documents = pages(300, 690, 10)
    shared = PrefixFilter(reading(documents), len(documents), 0.7)
    assert shared.earlier(299, documents[299]) is None


def test_with_too_many_shared_shingles_nothing_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = pages(30, 690, 10)
    monkeypatch.setattr(prefix_filter, "MAX_ENTRIES", 20)
    shared = PrefixFilter(reading(documents), len(documents), 0.7)
    assert [shared.earlier(n, document) for n, document in enumerate(documents)] == [None] * 30


def test_a_document_without_shingles_is_similar_to_none() -> None:
    empty = np.empty(0, np.uint32)
    shared = PrefixFilter(reading([empty, empty]), 2, 0.7)
    found = shared.earlier(1, empty)
    assert found is not None and not len(found)
