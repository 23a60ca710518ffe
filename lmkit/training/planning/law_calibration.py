"""A scaling law for one text, one tokenizer and one recipe, from short runs.

Choices:
- Published constants are for large models on other text. So the law keeps its form, and its
  constants get distributions: what the published ones say, and how far they are to be trusted.
  Runs on the text at hand narrow them (Bayesian regression).
- Given the exponents, the law is linear in E and in its two terms, so these have a normal
  distribution in closed form. The exponents are on a grid, which is weighted by how well each of
  its points explains the runs. Nothing is sampled: the same runs give the same interval.
- Both terms have a common factor, for the recipe and for the distance to the published range, and
  less is known about it the smaller the runs are. Their ratio, which decides the best size, is
  known better.
- The interval covers the constants, the exponents and the difference between a run and the law. It
  is wide where nothing was measured, and ends at the loss of a uniform distribution.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmkit.training.planning.scaling_law import (
    BYTES_PER_TOKEN,
    PUBLISHED,
    SMALLEST_PARAMETERS,
    SMALLEST_TOKENS,
)

RUN_SD = 0.01
"""Of a run's loss around the law, as a fraction of it: seeds and what the form can't express."""
EARLY_STEPS = 100
"""A run of so many steps may be twice as far from the law as a long one."""
ENTROPY_SD = 0.15
"""Of E, as a fraction: text differs from text."""
UNCOVERED_ENTROPY_SD = 0.6
"""The same for an objective that the published law isn't about."""
FACTOR_SD, FACTOR_SD_PER_DECADE = 0.1, 0.35
"""Of the common factor of both terms, in the published range, and for each power of ten below it.
At 10 million tokens the published law is about twice too high."""
RATIO_SD = 0.3
"""Of each term, apart from the common factor."""
PARAMETER_EXPONENT_SD, TOKEN_EXPONENT_SD = 0.05, 0.08
"""Published exponents of language models: 0.28 to 0.37 (Hoffmann et al. 2022; Besiroglu et al.
2024; Muennighoff et al. 2023), and larger ones for short runs (section 5.1 of Kaplan et al.)."""
GRID_SDS = np.linspace(-2.5, 2.5, 11)
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
    """The distribution of E and of both terms for a pair of exponents."""

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
        decades = max(
            0.0,
            math.log10(SMALLEST_PARAMETERS / center[0]),
            math.log10(SMALLEST_TOKENS / center[1]),
        )
        factor_sd = FACTOR_SD + FACTOR_SD_PER_DECADE * decades
        prior = np.zeros((3, 3))
        prior[0, 0] = (entropy * (ENTROPY_SD if is_covered else UNCOVERED_ENTROPY_SD)) ** 2
        prior[1:, 1:] = factor_sd**2 + RATIO_SD**2 * np.eye(2)
        self._points: list[_GridPoint] = []
        logs: list[float] = []
        for first in GRID_SDS:
            for second in GRID_SDS:
                alpha = PUBLISHED.parameter_exponent + PARAMETER_EXPONENT_SD * float(first)
                beta = PUBLISHED.token_exponent + TOKEN_EXPONENT_SD * float(second)
                prior_mean = np.array([entropy, 1.0, 1.0])
                mean, covariance, fit = self._posterior(
                    observations, alpha, beta, prior_mean, prior
                )
                self._points.append(_GridPoint(alpha, beta, mean, covariance))
                logs.append(fit - float(first**2 + second**2) / 2)
        weights = np.exp(np.array(logs) - max(logs))
        self._weights: NDArray[np.float64] = weights / weights.sum()

    def _row(
        self, parameters: float, tokens: float, alpha: float, beta: float
    ) -> NDArray[np.float64]:
        """Return what E and the two factors are multiplied by."""
        first, second = self._terms
        return np.array(
            [
                1.0,
                first * (parameters / self._center[0]) ** -alpha,
                second * (tokens / self._center[1]) ** -beta,
            ]
        )

    def _posterior(
        self,
        observations: Sequence[Observation],
        alpha: float,
        beta: float,
        mean: NDArray[np.float64],
        covariance: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Return mean and covariance given the runs, and the log likelihood of the runs."""
        if not observations:
            return mean, covariance, 0.0
        rows = np.array([self._row(each.parameters, each.tokens, alpha, beta)
                         for each in observations])  # fmt: skip
        losses = np.array([each.loss for each in observations])
        variances = [each.loss_sd**2 for each in observations]
        total = rows @ covariance @ rows.T + np.diag(variances)
        gain = np.linalg.solve(total, rows @ covariance).T
        missed = losses - rows @ mean
        _, log_determinant = np.linalg.slogdet(total)
        fit = -0.5 * (float(missed @ np.linalg.solve(total, missed)) + float(log_determinant))
        return mean + gain @ missed, covariance - gain @ rows @ covariance, fit

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
        rows = [self._row(parameters, tokens, each.alpha, each.beta) for each in self._points]
        means = np.array([row @ at.mean for row, at in zip(rows, self._points, strict=True)])
        spreads = np.array(
            [row @ at.covariance @ row for row, at in zip(rows, self._points, strict=True)]
        )
        mean = float(self._weights @ means)
        variance = float(self._weights @ (spreads + (means - mean) ** 2))
        return mean, variance + (RUN_SD * min(mean, self._highest)) ** 2
