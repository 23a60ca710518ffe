"""Training and measuring the quality classifier."""

import math

import numpy as np
import pytest

from lmkit.filters import classifier_training
from lmkit.filters.classifier_training import L2, area_under_curve, fit
from lmkit.filters.quality_classifier import features_of


def test_the_weights_are_those_of_the_minimum() -> None:
    # By symmetry there is no intercept and the weights are w and -w, which minimize
    # log(1 + exp(-w)) + L2 w^2; the derivative is 0 where 1 / (1 + exp(w)) = 2 L2 w.
    low, high = 0.0, 50.0
    for _ in range(100):
        w = (low + high) / 2
        low, high = (w, high) if 1 / (1 + math.exp(w)) > 2 * L2 * w else (low, w)
    classifier = fit(features_of(["x", "y"]), np.array([True, False]))
    (good,), (other,) = features_of(["x"]).buckets_F, features_of(["y"]).buckets_F
    assert classifier.weights_D[good] == pytest.approx(w, rel=1e-3)
    assert classifier.weights_D[other] == pytest.approx(-w, rel=1e-3)
    assert classifier.intercept == pytest.approx(0, abs=1e-6)
    assert np.count_nonzero(classifier.weights_D) == 2


def test_both_kinds_weigh_the_same_whatever_their_numbers() -> None:
    few = fit(features_of(["x", "y"]), np.array([True, False]))
    many = fit(features_of(["x", "y", "y", "y", "y"]), np.array([True, *4 * [False]]))
    np.testing.assert_allclose(many.score(["x", "y"]), few.score(["x", "y"]), atol=1e-3)


@pytest.mark.parametrize("block", [1, 7, 1 << 22])
def test_the_size_of_a_block_changes_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["a b c d", "灯塔在北角", "a b", "c d e f g h i", ""]
    is_good = np.array([True, False, True, False, False])
    whole = fit(features_of(texts), is_good).score(texts)
    monkeypatch.setattr(classifier_training, "BLOCK", block)
    np.testing.assert_allclose(fit(features_of(texts), is_good).score(texts), whole, atol=2e-4)


def test_the_area_is_the_fraction_of_pairs_in_order() -> None:
    random = np.random.default_rng(5)
    scores, is_good = random.integers(0, 9, 60) / 8, random.random(60) < 0.4
    pairs = [(g > o) + (g == o) / 2 for g in scores[is_good] for o in scores[~is_good]]
    assert area_under_curve(scores, is_good) == pytest.approx(sum(pairs) / len(pairs))
