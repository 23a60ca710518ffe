import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.text.minhash import Bands, WordHashes, catch_probability, jaccard, shingles

WORDS = WordHashes()
SENTENCE = "the quick brown fox jumps over the lazy dog and runs away"


def literal(text: str, size: int = 5) -> set[tuple[str, ...]]:
    """Runs of words, as sets of tuples."""
    words = re.findall(r"\w+", text.casefold())
    size = min(size, len(words))
    return {tuple(words[n : n + size]) for n in range(len(words) - size + 1)} if words else set()


@given(st.lists(st.sampled_from(["a", "b", "C", "the", "42"]), max_size=40))
def test_a_shingle_is_five_words_in_a_row(words: list[str]) -> None:
    text = ", ".join(words)
    assert len(shingles(text, WORDS)) == len(literal(text))


@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=5, max_size=30),
    st.lists(st.sampled_from("abcdefgh"), min_size=5, max_size=30),
)
def test_similarity_is_that_of_the_sets(one: list[str], other: list[str]) -> None:
    a, b = " ".join(one), " ".join(other)
    sets = literal(a), literal(b)
    expected = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
    assert jaccard(shingles(a, WORDS), shingles(b, WORDS)) == pytest.approx(expected)


def test_case_and_signs_do_not_count_and_order_does() -> None:
    plain = shingles(SENTENCE, WORDS)
    assert np.array_equal(shingles(SENTENCE.upper().replace(" ", " - ") + "!", WORDS), plain)
    assert not np.intersect1d(shingles(" ".join(SENTENCE.split()[::-1]), WORDS), plain).size


def test_a_text_shorter_than_a_shingle_is_one() -> None:
    assert np.array_equal(shingles("Two words", WORDS), shingles("two, words.", WORDS))
    assert jaccard(shingles("Two words", WORDS), shingles("Two birds", WORDS)) == 0


def test_nothing_is_like_nothing() -> None:
    assert jaccard(shingles("...", WORDS), shingles("", WORDS)) == 0


def test_the_memory_for_words_is_bounded_and_forgetting_changes_nothing() -> None:
    few = WordHashes()
    few.most = 3
    assert np.array_equal(shingles(SENTENCE, few), shingles(SENTENCE, WORDS))
    assert len(few) <= 3


@pytest.mark.parametrize("similarity", [0.5, 0.7, 0.85])
def test_pairs_are_caught_as_often_as_the_curve_says(similarity: float) -> None:
    bands, pairs, size = Bands(14, 8), 400, 300
    generator = np.random.default_rng(2)
    common = round(2 * size * similarity / (1 + similarity))
    caught = 0
    for _ in range(pairs):
        drawn = np.unique(generator.integers(0, 2**63, 2 * size + 50, np.uint64))
        generator.shuffle(drawn)
        one = np.sort(drawn[:size])
        other = np.sort(np.concatenate([drawn[:common], drawn[size : 2 * size - common]]))
        caught += bool((bands.keys(one) == bands.keys(other)).any())
    p = catch_probability(common / (2 * size - common), 14, 8)
    assert caught / pairs == pytest.approx(p, abs=3 * math.sqrt(p * (1 - p) / pairs) + 1e-9)
