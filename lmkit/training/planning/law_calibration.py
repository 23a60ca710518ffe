"""A scaling law for one text, one tokenizer and one recipe, from short runs.

    L = E + (L0 - E) h / (1 + h)        h = f A / N^alpha + g B / D^beta, over L0 - E

Choices:
- The sum of the published law has no upper bound: at a million tokens it is twice the loss of a
  uniform guess, L0. So the excess over E saturates there, as in "Practical Scaling Laws" (2026,
  arXiv 2605.09189); where it is small, this is the published law. With the published constants,
  300 steps of 4,096 tokens on books come to 5.97 nats at 13.8 million parameters, where nanoGPT
  measures 5.98.
- Published constants are for large models on other text. So E, the exponents and the factors f and
  g get distributions: what is published, and how far it is to be trusted. Runs on the text at hand
  narrow them (Bayesian regression).
- Given E and the exponents, h is linear in f and g, so these have a normal distribution in closed
  form. E and the exponents are on a grid, which is weighted by how well each of its points explains
  the runs. Nothing is sampled: the same runs give the same interval.
- Both factors have a common part, for the recipe and for the distance to the published range, and
  less is known about it the smaller the runs are. Their ratio, which decides the best size, is
  known better.
- The interval covers all of these, and the difference between a run and the law.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from lmkit.training.planning.scaling_law import (
    BYTES_PER_TOKEN,
    PUBLISHED,
    SMALLEST_PARAMETERS,
    SMALLEST_TOKENS,
)

RUN_SD = 0.008
"""Of a run's loss around the law, as a fraction of it: seeds and what the form can't express."""
EARLY_STEPS = 1_000
"""A run of so many steps may be twice as far from the law as a long one: its learning rate rises
and falls before much is learned. With 200 for this, a run at 3 times the tokens of its pilot
runs, of 200 to 700 steps, ended above its interval."""
ENTROPY_SD = 0.1
"""Of E, as a fraction: text differs from text."""
UNCOVERED_ENTROPY_SD = 0.6
"""The same for an objective that the published law isn't about."""
FACTOR_SD, FACTOR_SD_PER_DECADE = 0.1, 0.1
"""Of the common part of f and g, in the published range, and for each power of ten below it: muon
reaches 0.7 on books, with 1.2 million tokens."""
RATIO_SD = 0.3
"""Of each term, apart from the common factor."""
PARAMETER_EXPONENT_SD, TOKEN_EXPONENT_SD = 0.06, 0.08
"""Published exponents of language models are 0.28 to 0.37 (Hoffmann et al. 2022; Besiroglu et al.
2024; Muennighoff et al. 2023). Small models on a few books gain less by size, on books that they
weren't trained on: with half of this, a run at 7 times the parameters of its pilot runs ended above
its interval."""
GRID_SDS = np.linspace(-2.5, 2.5, 9)
"""Points of the grid for E and for each exponent, in standard deviations."""
LEAST_EXCESS = 0.01
"""Of a loss over E, and under L0, as a fraction of L0 - E."""
NORMAL_90 = 1.645
"""Standard deviations to each side that hold 90% of a normal distribution."""


@dataclass(frozen=True)
class Observation:
    """A finished run: its size, effective tokens, validation loss in nats per token, and steps."""

    parameters: float
    tokens: float
    loss: float
    steps: float = math.inf

    @property
    def loss_sd(self) -> float:
        """How far the loss may be from the law: a short run's is mostly its warm-up."""
        return RUN_SD * self.loss * (1 + EARLY_STEPS / self.steps)


@dataclass(frozen=True)
class Prediction:
    """An expected loss in nats per token, and the interval that holds it with 90%."""

    loss: float
    low: float
    high: float


@dataclass(frozen=True)
class _GridPoint:
    """The distribution of f and g for an E and a pair of exponents."""

    entropy: float
    alpha: float
    beta: float
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


class CalibratedLaw:
    """The distribution of the law's constants."""

    def __init__(
        self,
        observations: Sequence[Observation],
        *,
        center: tuple[float, float],
        bytes_per_token: float,
        vocabulary_size: int,
        is_covered: bool = True,
    ) -> None:
        """Combine the published constants with runs.

        Args:
            observations: the runs, if there are any.
            center: parameters and tokens of the planned run: where there are no runs, exponents
                are uncertain around this point.
            bytes_per_token: of the text.
            vocabulary_size: of its tokenizer.
            is_covered: whether the published law is about this objective.

        """
        self._highest = math.log(vocabulary_size)
        if observations:
            sizes = np.log([[each.parameters, each.tokens] for each in observations]).mean(axis=0)
            center = (math.exp(sizes[0]), math.exp(sizes[1]))
        self._center = center
        # A token of more bytes has a larger loss.
        scale = bytes_per_token / BYTES_PER_TOKEN
        self._terms = (
            scale * PUBLISHED.parameter_term(center[0]),
            scale * PUBLISHED.token_term(center[1]),
        )
        entropy = scale * PUBLISHED.entropy
        entropy_sd = entropy * (ENTROPY_SD if is_covered else UNCOVERED_ENTROPY_SD)
        decades = max(
            0.0,
            math.log10(SMALLEST_PARAMETERS / center[0]),
            math.log10(SMALLEST_TOKENS / center[1]),
        )
        factor_sd = FACTOR_SD + FACTOR_SD_PER_DECADE * decades
        prior = factor_sd**2 + RATIO_SD**2 * np.eye(2)
        self._points: list[_GridPoint] = []
        logs: list[float] = []
        for sds in product(map(float, GRID_SDS), repeat=3):
            point = _GridPoint(
                min(max(0.0, entropy + entropy_sd * sds[0]), 0.9 * self._highest),
                PUBLISHED.parameter_exponent + PARAMETER_EXPONENT_SD * sds[1],
                PUBLISHED.token_exponent + TOKEN_EXPONENT_SD * sds[2],
                np.ones(2),
                prior,
            )
            point, fit = self._posterior(observations, point)
            self._points.append(point)
            logs.append(fit - sum(sd**2 for sd in sds) / 2)
        weights = np.exp(np.array(logs) - max(logs))
        self._weights: NDArray[np.float64] = weights / weights.sum()

    def _row(self, parameters: float, tokens: float, at: _GridPoint) -> NDArray[np.float64]:
        """Return what f and g are multiplied by in h."""
        first, second = self._terms
        terms = [
            first * (parameters / self._center[0]) ** -at.alpha,
            second * (tokens / self._center[1]) ** -at.beta,
        ]
        return np.array(terms) / (self._highest - at.entropy)

    def _posterior(
        self, observations: Sequence[Observation], at: _GridPoint
    ) -> tuple[_GridPoint, float]:
        """Return the point with the distribution given the runs, and the runs' log likelihood."""
        if not observations:
            return at, 0.0
        span = self._highest - at.entropy
        rows = np.array([self._row(each.parameters, each.tokens, at) for each in observations])
        losses = np.array([each.loss for each in observations])
        excess = np.clip((losses - at.entropy) / span, LEAST_EXCESS, 1 - LEAST_EXCESS)
        slopes = 1 / (span * (1 - excess) ** 2)  # of h in the loss
        sds = slopes * np.array([each.loss_sd for each in observations])
        total = rows @ at.covariance @ rows.T + np.diag(sds**2)
        gain = np.linalg.solve(total, rows @ at.covariance).T
        missed = excess / (1 - excess) - rows @ at.mean
        _, log_determinant = np.linalg.slogdet(total)
        fit = -0.5 * (float(missed @ np.linalg.solve(total, missed)) + float(log_determinant))
        mean, covariance = at.mean + gain @ missed, at.covariance - gain @ rows @ at.covariance
        posterior = replace(at, mean=mean, covariance=covariance)
        return posterior, fit + float(np.log(slopes).sum())

    def predict(
        self, parameters: float, tokens: float, other_tokens: Sequence[float] = ()
    ) -> Prediction:
        """Return the expected loss of a run.

        Args:
            parameters: of the model.
            tokens: effective tokens.
            other_tokens: what they might be as well, one standard deviation away.

        """
        mean, variance = self._moments(parameters, tokens)
        others = [self._moments(parameters, other)[0] for other in other_tokens]
        variance += sum((other - mean) ** 2 for other in others) / max(1, len(others))
        half = NORMAL_90 * math.sqrt(variance)
        low, high = max(0.0, mean - half), min(self._highest, mean + half)
        return Prediction(min(max(mean, low), high), min(low, high), high)

    def _moments(self, parameters: float, tokens: float) -> tuple[float, float]:
        """Return the mean and the variance of a run's loss."""
        means, variances = np.zeros((2, len(self._points)))
        for number, at in enumerate(self._points):
            row, span = self._row(parameters, tokens, at), self._highest - at.entropy
            h = max(0.0, float(row @ at.mean))
            means[number] = at.entropy + span * h / (1 + h)
            variances[number] = (span / (1 + h) ** 2) ** 2 * float(row @ at.covariance @ row)
        mean = float(self._weights @ means)
        variance = float(self._weights @ (variances + (means - mean) ** 2))
        return mean, variance + (RUN_SD * mean) ** 2
