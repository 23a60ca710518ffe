import math

import numpy as np
import pytest

from lmkit.deduplication.minhash import AT_ONCE, Bands, lsh_curve_text
from lmkit.deduplication.options import PERMUTATIONS, bands_and_rows, candidate_probability


@pytest.mark.parametrize("similarity", [0.5, 0.7, 0.85])
def test_pairs_are_found_as_often_as_the_curve_predicts(similarity: float) -> None:
    pairs, size = 1000, 300
    generator = np.random.default_rng(2)
    common = round(2 * size * similarity / (1 + similarity))
    sets: list[np.ndarray] = []
    for _ in range(pairs):
        hashes = np.unique(generator.integers(0, 2**32, 2 * size + 50, np.uint32))
        generator.shuffle(hashes)
        sets.append(np.sort(hashes[:size]))
        sets.append(np.sort(np.concatenate([hashes[:common], hashes[size : 2 * size - common]])))
    keys = Bands(14, 8).keys(np.concatenate(sets), np.full(2 * pairs, size))
    found = int((keys[:, ::2] == keys[:, 1::2]).any(axis=0).sum())
    p = candidate_probability(common / (2 * size - common), 14, 8)
    assert found / pairs == pytest.approx(p, abs=3 * math.sqrt(p * (1 - p) / pairs) + 1e-9)


def test_a_key_depends_on_no_other_document() -> None:
    generator = np.random.default_rng(3)
    lengths = np.array([3, 0, 1, 3 * AT_ONCE + 7, 0, 5, AT_ONCE, 2])
    hashes = generator.integers(0, 2**32, lengths.sum(), np.uint32)
    together, ends = Bands(4, 3).keys(hashes, lengths), np.cumsum(lengths)
    for number, (end, length) in enumerate(zip(ends, lengths, strict=True)):
        alone = Bands(4, 3).keys(hashes[end - length : end], np.array([length]))
        assert np.array_equal(alone[:, 0], together[:, number])


def test_rows_are_the_minimum_of_a_permutation() -> None:
    """Two sets with the same minimum share all keys; another minimum changes some."""
    bands = Bands(5, 1)
    one = np.arange(1, 200, dtype=np.uint32) * np.uint32(2654435761)
    keys = bands.keys(np.concatenate([one, one[::-1], one[:150]]), np.array([199, 199, 150]))
    assert np.array_equal(keys[:, 0], keys[:, 1])
    assert (keys[:, 0] == keys[:, 2]).sum() > 0


@pytest.mark.parametrize(
    ("similarity", "odds"), [(0.75, 0.77), (0.8, 0.92), (0.85, 0.988), (0.7, 0.56)]
)
def test_the_curve_is_that_of_fineweb(similarity: float, odds: float) -> None:
    """Penedo et al. 2024, section 3.4: 56%, 77%, 92% and 98.8%."""
    assert candidate_probability(similarity, 14, 8) == pytest.approx(odds, abs=0.006)


@pytest.mark.parametrize("threshold", [0.05, 0.2, 0.5, 0.7, 0.8, 0.9, 0.99, 1])
def test_pairs_at_the_threshold_are_found_and_one_more_row_would_miss_them(
    threshold: float,
) -> None:
    bands, rows = bands_and_rows(threshold)
    assert bands == PERMUTATIONS // rows
    assert candidate_probability(threshold, bands, rows) >= 0.95
    for more in range(rows + 1, PERMUTATIONS + 1):
        assert candidate_probability(threshold, PERMUTATIONS // more, more) < 0.95


def test_the_lowest_threshold_has_one_row() -> None:
    assert bands_and_rows(0.001) == (PERMUTATIONS, 1)


def test_the_curve_is_printed_in_percent() -> None:
    assert "0.80: 92%" in lsh_curve_text(14, 8)
