from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.filters import ngram_signals as ngrams
from lmkit.filters.ngram_signals import DUPLICATED, TOP, repeated_characters, repeated_pairs

WORDS = ["a", "bc", "def"]
Documents = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=40), min_size=1, max_size=4)


def literally(words: list[int], n: int) -> int:
    """Table A1 of Rae et al. 2021, as datatrove 0.10.1 implements it, with words for strings."""
    grams = [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]
    if n in TOP:
        if not grams:
            return 0
        gram, times = Counter(grams).most_common(1)[0]
        return len(" ".join(WORDS[w] for w in gram)) * times
    earlier: set[tuple[int, ...]] = set()
    at = characters = 0
    while at < len(grams):
        if grams[at] in earlier:
            characters += sum(len(WORDS[w]) for w in grams[at])
            at += n
        else:
            earlier.add(grams[at])
            at += 1
    return characters


def measured(documents: list[list[int]]) -> dict[int, list[int]]:
    words = np.array([word for document in documents for word in document])
    count = np.array([len(document) for document in documents])
    lengths = np.array([len(word) for word in WORDS])[words]
    document_of = np.repeat(np.arange(len(documents)), count)
    found = repeated_characters(words, lengths, document_of, np.cumsum(count) - count, count)
    return {n: values.tolist() for n, values in found.items()}


@given(Documents)
def test_repeated_characters_agree_with_a_literal_implementation(
    documents: list[list[int]],
) -> None:
    slow = {n: [literally(words, n) for words in documents] for n in (*TOP, *DUPLICATED)}
    assert measured(documents) == slow


def test_colliding_hashes_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [[0, 1, 2, 0, 1, 2, 2, 2, 1, 0, 1, 2, 0, 1] * 2, [0], [1, 1, 1, 1, 1, 1, 1]]
    right = measured(documents)
    monkeypatch.setattr(ngrams, "MIX", np.uint64(0))
    assert measured(documents) == right


def test_more_pairs_than_fit_into_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = np.array([3, 1, 3, 1, 2]), np.array([0, 0, 0, 5, 0])
    monkeypatch.setattr(ngrams, "MAX_POSITION_BITS", 1)
    indices, begins = repeated_pairs(*pairs)
    assert (indices.tolist(), begins.tolist()) == ([0, 2], [0])
