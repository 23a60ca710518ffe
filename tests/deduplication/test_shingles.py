# ruff: noqa: RUF001 (these characters are intended)
import random
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.deduplication.shingles import BASE, FACTORS, PIECE, jaccard, mix, shingles

SENTENCE = "the quick brown fox jumps over the lazy dog and runs away"
TEXTS = st.lists(
    st.sampled_from(["a", "b", "the", "_42", "é", "大阪", "x\u0301", "かv", "बि", "\ud83d", "-"]),
    max_size=30,
)
WORDS = re.compile(r"[大阪か]\u0301*|[a-z_0-9éबि\u0301]+")


def literal(text: str, size: int = 5) -> set[tuple[str, ...]]:
    """Word n-grams, as sets of tuples."""
    words = WORDS.findall(text)
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("日本語を、話す人。", 7),  # each character
        ("日本語を、話すiPhone人。", 8),
        ("ประภาคาร", 8),
        ("ที่นี่", 2),  # a letter with two marks is one word
        ("\u1000\u102d\u101e\u1031", 2),
        ("\u1780\u17d2\u179a\u17bb\u1798", 3),
    ],
)
def test_characters_of_scripts_without_spaces_are_words(text: str, expected: int) -> None:
    assert count_of_words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("हिन्दी में लिखा", 3),
        ("বাংলা ভাষা", 2),
        ("அம்மா வந்தாள்", 2),
        ("كَتَبَ الوَلَدُ", 2),
        ("שָׁלוֹם עוֹלָם", 2),
        ("x\u0323\u0301y z", 2),
    ],
)
def test_marks_do_not_split_words(text: str, expected: int) -> None:
    assert count_of_words(text) == expected


def count_of_words(text: str) -> int:
    """The words of a text, by the number of shingles that it has between four other words."""
    return int(shingles([f"q w e r {text}"])[1][0])


def test_hashes_of_texts_without_such_characters_have_not_changed() -> None:
    def hashed(words: list[str]) -> int:
        total = len(words)
        for word, factor in zip(words, FACTORS.tolist(), strict=False):
            plain = sum(ord(c) * pow(BASE, n, 2**64) for n, c in enumerate(word)) % 2**64
            total += int(mix(np.array([plain], np.uint64))[0]) * factor
        return int(mix(np.array([total % 2**64], np.uint64))[0]) >> 32

    text = "Ça ira – “naïve” cafés, Ωmega: ещё раз; 42nd_street, Straße, 서울 한국어 שלום مرحبا."
    words = re.findall(r"\w+", text)
    expected = {hashed(words[n : n + 5]) for n in range(len(words) - 4)}
    assert set(shingles([text])[0].tolist()) == expected
