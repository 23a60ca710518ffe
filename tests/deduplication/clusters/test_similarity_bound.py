import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.deduplication.clusters import similarity_bound
from lmkit.deduplication.clusters.similarity_bound import SimilarityBound
from lmkit.deduplication.shingles import jaccard

SHINGLES = st.sets(st.integers(0, 60), min_size=1, max_size=40)


@given(
    st.lists(SHINGLES, min_size=1, max_size=30),
    st.sampled_from([0.05, 0.25, 0.5, 0.7, 0.75, 0.9, 1.0]),
    st.integers(1, 1000),
)
def test_no_pair_that_is_similar_enough_is_lost(
    sets: list[set[int]], threshold: float, spread: int
) -> None:
    documents = [np.array(sorted(each), np.uint32) * np.uint32(spread) for each in sets]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similarity_bound, "BLOCK", 7)
        patch.setattr(similarity_bound, "STEP", 2)
        bound = SimilarityBound(documents[:5], len(documents), threshold)
        for document in documents:
            bound.keep(document)
        everything = np.arange(len(documents))
        for document in documents:
            found = bound.plausible(document, everything).tolist()
            similar = [
                n for n, kept in enumerate(documents) if jaccard(kept, document) >= threshold
            ]
            assert set(similar) <= set(found) and found == sorted(found)
            assert bound.plausible(document, everything[1::2]).tolist() == found_in(found, 1)


def found_in(found: list[int], odd: int) -> list[int]:
    return [number for number in found if number % 2 == odd]


def test_pages_of_one_template_are_told_apart() -> None:
    """525 shingles are of the template, 175 of each page: their similarity is 0.6."""
    chance = np.random.default_rng(1)
    template = chance.integers(0, 2**32, 525, np.uint32)
    pages = [
        np.unique(np.append(template, chance.integers(0, 2**32, 175, np.uint32)))
        for _ in range(300)
    ]
    bound = SimilarityBound(pages[::3], len(pages), 0.7)
    for page in pages:
        bound.keep(page)
    for number in (0, 150, 299):
        assert bound.plausible(pages[number], np.arange(300)).tolist() == [number]


def test_pages_that_change_words_of_a_template_are_told_apart() -> None:
    """Of 700 shingles, each page keeps 600 of the template: their similarity is about 0.58."""
    chance = np.random.default_rng(1)
    template = chance.integers(0, 2**32, 700, np.uint32)
    pages = []
    for _ in range(300):
        remaining = chance.choice(template, 600, replace=False)
        pages.append(np.unique(np.append(remaining, chance.integers(0, 2**32, 100, np.uint32))))
    bound = SimilarityBound(pages[::3], len(pages), 0.7)
    for page in pages:
        bound.keep(page)
    for number in (0, 150, 299):
        assert bound.plausible(pages[number], np.arange(300)).tolist() == [number]


def test_more_documents_have_shorter_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = [np.arange(4_000, dtype=np.uint32)] * 2
    long = SimilarityBound(sample, 10, 0.7).row(sample[0])
    monkeypatch.setattr(similarity_bound, "MAX_WORDS", 40)
    assert len(SimilarityBound(sample, 10, 0.7).row(sample[0])) <= 4 < len(long)
