"""Trains the quality classifier, and measures how well it separates the two kinds of documents.

Legend: D buckets, U buckets in use, F features of all texts together, T texts.

Choices:
- Regularized logistic regression, which is convex: the result depends on no seed, no order and no
  learning rate. L-BFGS (Nocedal and Wright 2006, algorithm 7.5) with backtracking finds it.
- A bucket that no text has keeps the weight 0, so only the others are computed with: a few texts
  have a thousandth of all buckets.
- Both kinds weigh the same, however many documents of each there are.
- Sums are numpy's own and not those of its linear algebra, whose order depends on the number of
  threads.
- The area under the ROC curve is the probability that a good document scores higher than an
  ordinary one, ties counted half (Hanley and McNeil 1982).
"""

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lmkit.filters.quality_classifier import BUCKETS, Features, QualityClassifier

L2 = 1e-4
"""Of the weights, relative to the mean loss."""
MAX_ITERATIONS = 100
HISTORY = 10
TOLERANCE = 1e-5
"""The training ends when the gradient's norm is below this fraction of the first."""
SUFFICIENT_DECREASE = 1e-4
SMALLEST_STEP = 1e-10
BLOCK = 1 << 22
"""Features whose products are in memory at a time."""


@dataclass(frozen=True)
class _Loss:
    """The regularized mean loss and its gradient."""

    features: Features
    signs_T: NDArray[np.float64]
    """1 for a good text, -1 for an ordinary one."""
    importance_T: NDArray[np.float64]
    """Weights of the texts, with sum 1."""
    used: int
    """Buckets that the features are numbered by."""

    def at(self, x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return loss and gradient; the last element of `x` is the intercept."""
        weights_U, intercept = x[:-1], x[-1]
        logits_T = intercept + self._dot(weights_U)
        margins_T = self.signs_T * logits_T
        loss = float((self.importance_T * np.logaddexp(0, -margins_T)).sum())
        loss += L2 / 2 * float((weights_U**2).sum())
        slopes_T = -self.importance_T * self.signs_T / (1 + np.exp(np.minimum(margins_T, 500)))
        gradient = np.empty_like(x)
        gradient[:-1] = L2 * weights_U + self._transposed_dot(slopes_T)
        gradient[-1] = slopes_T.sum()
        return loss, gradient

    def _dot(self, weights_U: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.empty(len(self.signs_T))
        for texts, part in self._blocks():
            products = weights_U[self.features.buckets_F[part]] * self.features.values_F[part]
            sums[texts] = np.add.reduceat(products, self.features.starts_T[texts] - part.start)
        return sums

    def _transposed_dot(self, slopes_T: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.zeros(self.used)
        counts_T = np.diff(self.features.starts_T, append=len(self.features.buckets_F))
        for texts, part in self._blocks():
            slopes = np.repeat(slopes_T[texts], counts_T[texts]) * self.features.values_F[part]
            sums += np.bincount(self.features.buckets_F[part], slopes, self.used)
        return sums

    def _blocks(self) -> list[tuple[slice, slice]]:
        """Return the texts and the features of each block."""
        starts_T, end = self.features.starts_T, len(self.features.buckets_F)
        edges = np.searchsorted(starts_T, np.arange(0, end, BLOCK))
        edges = [*dict.fromkeys(edges.tolist()), len(starts_T)]
        offsets = [*starts_T.tolist(), end]
        return [(slice(a, b), slice(offsets[a], offsets[b])) for a, b in pairwise(edges) if b > a]


def fit(features: Features, is_good_T: NDArray[np.bool_]) -> QualityClassifier:
    """Return the classifier that separates good texts from the others best."""
    signs_T = np.where(is_good_T, 1.0, -1.0)
    importance_T = np.where(is_good_T, 0.5 / is_good_T.sum(), 0.5 / (~is_good_T).sum())
    is_used_D = np.zeros(BUCKETS, np.bool_)
    is_used_D[features.buckets_F] = True
    number_D = (np.cumsum(is_used_D) - 1).astype(np.uint32)
    used_U = np.flatnonzero(is_used_D)
    numbered = features._replace(buckets_F=number_D[features.buckets_F])
    loss = _Loss(numbered, signs_T, importance_T, len(used_U))
    x = np.zeros(len(used_U) + 1)
    value, gradient = loss.at(x)
    limit = TOLERANCE * _norm(gradient)
    pairs: deque[tuple[NDArray[np.float64], NDArray[np.float64]]] = deque(maxlen=HISTORY)
    for _ in range(MAX_ITERATIONS):
        if _norm(gradient) <= limit:
            break
        direction = _direction(gradient, pairs)
        slope, size = _inner(direction, gradient), 1.0
        if not pairs:
            size = 1 / _norm(gradient)
        while True:
            moved = x + size * direction
            new_value, new_gradient = loss.at(moved)
            if new_value <= value + SUFFICIENT_DECREASE * size * slope or size < SMALLEST_STEP:
                break
            size /= 2
        change = new_gradient - gradient
        if _inner(moved - x, change) > 0:
            pairs.append((moved - x, change))
        x, value, gradient = moved, new_value, new_gradient
    weights_D = np.zeros(BUCKETS, np.float32)
    weights_D[used_U] = x[:-1]
    return QualityClassifier(weights_D, float(x[-1]))


def area_under_curve(scores_T: NDArray[np.float64], is_good_T: NDArray[np.bool_]) -> float:
    """Return the probability that a good text scores higher than another.

    >>> area_under_curve(np.array([0.9, 0.4, 0.4, 0.1]), np.array([True, True, False, False]))
    0.875
    """
    values, ranks = np.unique(scores_T, return_inverse=True)
    good = np.bincount(ranks[is_good_T], minlength=len(values))
    others = np.bincount(ranks[~is_good_T], minlength=len(values))
    below = np.cumsum(others) - others
    won = float((good * (below + others / 2)).sum())
    return won / (int(good.sum()) * int(others.sum()))


def _direction(
    gradient: NDArray[np.float64], pairs: "deque[tuple[NDArray[np.float64], NDArray[np.float64]]]"
) -> NDArray[np.float64]:
    """Return the direction of L-BFGS: the two loops of algorithm 7.4."""
    direction = -gradient
    factors: list[float] = []
    for step, change in reversed(pairs):
        factors.append(_inner(step, direction) / _inner(step, change))
        direction = direction - factors[-1] * change
    if pairs:
        step, change = pairs[-1]
        direction = direction * (_inner(step, change) / _inner(change, change))
    for (step, change), factor in zip(pairs, reversed(factors), strict=True):
        direction = direction + (factor - _inner(change, direction) / _inner(step, change)) * step
    return direction


def _inner(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float((a * b).sum())


def _norm(a: NDArray[np.float64]) -> float:
    return _inner(a, a) ** 0.5
