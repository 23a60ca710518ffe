import random
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.deduplication.shingles import PIECE, jaccard, shingles

SENTENCE = "the quick brown fox jumps over the lazy dog and runs away"
TEXTS = st.lists(
    st.sampled_from(["a", "b", "the", "_42", "é", "大阪", "x\u0301", "\ud83d", "-"]), max_size=30
)


def literal(text: str, size: int = 5) -> set[tuple[str, ...]]:
    """Word n-grams, as sets of tuples."""
    words = re.findall(r"\w+", text)
    size = min(size, len(words))
    return {tuple(words[n : n + size]) for n in range(len(words) - size + 1)} if words else set()


@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_a_shingle_is_five_consecutive_words_of_one_text(lists: list[list[str]]) -> None:
    texts = [", ".join(words) for words in lists]
    found, lengths = shingles(texts)
    assert lengths.tolist() == [len(literal(text)) for text in texts]
    parts = np.split(found, np.cumsum(lengths)[:-1])
    for text, part in zip(texts, parts, strict=True):
        assert np.array_equal(shingles([text])[0], part)
        assert np.array_equal(np.unique(part), part)


@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=5, max_size=30),
    st.lists(st.sampled_from("abcdefgh"), min_size=5, max_size=30),
)
def test_similarity_is_that_of_the_sets(one: list[str], other: list[str]) -> None:
    a, b = " ".join(one), " ".join(other)
    sets = literal(a), literal(b)
    expected = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
    assert jaccard(shingles([a])[0], shingles([b])[0]) == pytest.approx(expected)


def test_punctuation_does_not_count_and_order_does() -> None:
    plain, _ = shingles([SENTENCE])
    assert np.array_equal(shingles([SENTENCE.replace(" ", " - ") + "!"])[0], plain)
    assert not np.intersect1d(shingles([" ".join(SENTENCE.split()[::-1])])[0], plain).size


def test_a_text_shorter_than_a_shingle_is_one() -> None:
    found, lengths = shingles(["two words", "two, words.", "two birds", "...", ""])
    assert lengths.tolist() == [1, 1, 1, 0, 0]
    assert found[0] == found[1] != found[2]
    assert jaccard(found[:0], found[:0]) == 0


def test_without_texts_there_are_no_shingles() -> None:
    found, lengths = shingles([])
    assert (len(found), len(lengths)) == (0, 0)


def test_long_texts_are_split_between_words() -> None:
    chance = random.Random(1)
    words = [f"w{chance.randrange(10**6)}" for _ in range(3 * PIECE // 7)]
    found, lengths = shingles([" ".join(words), "x" * 3 * PIECE])
    assert lengths[1] == 1  # four pieces of one word, none more than a shingle
    expected = {tuple(words[n : n + 5]) for n in range(len(words) - 4)}
    assert 0 <= len(expected) - int(lengths[0]) <= 3  # two of them may share 32 bits
    half, _ = shingles([" ".join(words[100:])])
    assert len(np.intersect1d(half, found)) == len(half)
