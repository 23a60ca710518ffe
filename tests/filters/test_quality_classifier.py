"""The features and scores of the quality classifier."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from lmkit.errors import InputError
from lmkit.filters.quality_classifier import (
    BUCKETS,
    DESCRIPTION,
    FEATURES,
    MAX_CHARACTERS,
    WEIGHTS,
    QualityClassifier,
    features_of,
)

TEXTS = ["One word, and one more.", "", "灯塔在北角", "สวัสดี 42", "नमस्ते दुनिया", "One word"]


def test_values_are_damped_counts_of_words_and_pairs_with_length_one() -> None:
    # "x x y": the words x (twice) and y, the pairs x x and x y.
    found = features_of(["x x y"])
    length = math.sqrt((1 + math.log(2)) ** 2 + 3)
    expected = sorted([(1 + math.log(2)) / length, *3 * [1 / length]])
    np.testing.assert_allclose(sorted(found.values_F), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "features"),
    [
        ("灯塔", 3),  # two words and a pair: each character is a word
        ("ภาษา", 6),  # three different ones and three pairs
        ("lighthouse", 1),
        ("One, two", 5),  # a comma is a word
    ],
)
def test_words_are_those_of_the_script(text: str, features: int) -> None:
    assert len(features_of([text]).buckets_F) == features


def test_case_and_digits_do_not_count() -> None:
    one, other = features_of(["In 1984, Anna"]), features_of(["in 2027, ANNA"])
    assert np.array_equal(one.buckets_F, other.buckets_F)


def test_a_text_has_the_same_features_alone_and_among_others() -> None:
    together = features_of(TEXTS)
    ends = [*together.starts_T[1:], len(together.buckets_F)]
    for text, start, end in zip(TEXTS, together.starts_T, ends, strict=True):
        alone = features_of([text])
        assert np.array_equal(together.buckets_F[start:end], alone.buckets_F)
        np.testing.assert_array_equal(together.values_F[start:end], alone.values_F)


def test_only_the_start_of_a_text_is_read() -> None:
    start = "ab " * (MAX_CHARACTERS // 3 + 1)
    one, other = features_of([start]), features_of([start + "something else"])
    assert np.array_equal(one.buckets_F, other.buckets_F)


def test_a_score_is_the_logistic_function_of_the_weighted_sum() -> None:
    weights = np.zeros(BUCKETS, np.float32)
    one = features_of(["x"])
    weights[one.buckets_F] = 2.0
    classifier = QualityClassifier(weights, -0.5)
    expected = [1 / (1 + math.exp(-1.5)), 1 / (1 + math.exp(0.5)), 1 / (1 + math.exp(0.5))]
    np.testing.assert_allclose(classifier.score(["x", "y", ""]), expected, atol=5e-5)
    assert len(classifier.score([])) == 0


@pytest.mark.parametrize("broken", ["missing", "truncated", "pickle", "shape", "features"])
def test_a_damaged_classifier_is_refused(broken: str, tmp_path: Path) -> None:
    np.save(tmp_path / WEIGHTS, np.zeros(BUCKETS, np.float32))
    known = {"features": FEATURES, "intercept": 0.0}
    (tmp_path / DESCRIPTION).write_text(json.dumps(known))
    assert QualityClassifier.load(tmp_path).score(["x"]) == [0.5]
    if broken == "missing":
        (tmp_path / WEIGHTS).unlink()
    elif broken == "truncated":
        (tmp_path / WEIGHTS).write_bytes((tmp_path / WEIGHTS).read_bytes()[:5000])
    elif broken == "pickle":
        np.save(tmp_path / WEIGHTS, np.array([print], object), allow_pickle=True)
    elif broken == "shape":
        np.save(tmp_path / WEIGHTS, np.zeros(9, np.float32))
    else:
        (tmp_path / DESCRIPTION).write_text(json.dumps(known | {"features": {"format": 9}}))
    with pytest.raises(InputError, match=r"classifier\.json|weights\.npy"):
        QualityClassifier.load(tmp_path)
