"""A scaling law for one text, one tokenizer and one recipe, from short runs.

    L = E + (A / N^alpha + B / D^beta)^gamma        see `scaling_law`

Choices:
- Published constants are for large models on other text, and laws that agree there differ for small
  runs: that of Hoffmann et al. comes out too low after pilot runs of a few million tokens on books,
  that of Kaplan et al. too high. So both are candidates, and one between them, and the runs at hand
  weigh them (Bayesian model averaging). Without runs, only that of Hoffmann et al. is taken.
- Of each law, E and the exponents get distributions around what is published, and so does the ratio
  of its two terms; they are on a grid. The factor before the excess over E, which is for the text
  and the recipe, has a normal distribution of its logarithm, in closed form. Runs weigh the grid's
  points by how well they explain them. Nothing is sampled: the same runs give the same interval.
- The sum of a law without gamma has no upper bound: at a million tokens it is twice the loss of a
  uniform guess, L0. So its excess over E saturates there, as in "Practical Scaling Laws" (2026,
  arXiv 2605.09189): E + (L0 - E) h / (1 + h), with h its sum over L0 - E. With the published
  constants, 300 steps of 4,096 tokens on books come to 5.97 nats at 13.8 million parameters, where
  nanoGPT measures 5.98.
- The interval covers all of these, and the difference between a run and the law, which grows with
  the distance from the nearest run: a large model may gain more by more data than a small one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lmkit.training.planning.scaling_law import (
    BYTES_PER_TOKEN,
    CANDIDATES,
    PUBLISHED,
    SMALLEST_PARAMETERS,
    SMALLEST_TOKENS,
    ScalingLaw,
)

RUN_SD = 0.010
"""Of a run's loss around the law, as a fraction of it: seeds and what the form can't express. And
as much again for each factor of e in size or tokens between it and the nearest run: of 19 losses on
books, code and documentation, 17 are in an interval that this makes. Code and web pages are why it
isn't less: between one and four million tokens their losses fall faster than by any power."""
EARLY_STEPS = 100
"""A run of so many steps may be twice as far from the law as a long one: its learning rate rises
and falls before much is learned."""
ENTROPY_SD = 0.2
"""Of E, as a fraction: text differs from text."""
UNCOVERED_ENTROPY_SD = 0.6
"""The same for an objective that the published laws aren't about."""
PARAMETER_EXPONENT_SD, TOKEN_EXPONENT_SD = 0.2, 0.3
"""As fractions. Exponents published for the form of Hoffmann et al. are 0.28 to 0.37 (Hoffmann et
al. 2022; Besiroglu et al. 2024; Muennighoff et al. 2023)."""
RATIO_SD = 0.4
"""Of the logarithm of the ratio of both terms, over the root of gamma: the smaller that is, the
less their ratio matters."""
FACTOR_SD, FACTOR_SD_PER_DECADE = 0.1, 0.1
"""Of the logarithm of the factor, in the range of Hoffmann et al., and for each power of ten below
it: muon reaches 0.7 on books, with 1.2 million tokens."""
GRID_SDS = np.linspace(-2.5, 2.5, 9)
"""Points of the grid, in standard deviations."""
LEAST_EXCESS = 0.01
"""Of a loss over E, and under L0, as a fraction of L0 - E."""
NORMAL_90 = 1.645
"""Standard deviations to each side that hold 90% of a normal distribution."""

Values = NDArray[np.float64]


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
class _Text:
    """What the text and its tokenizer set."""

    scale: float
    """Bytes of a token over those of the published text's: a token of more has a larger loss."""
    highest: float
    """L0, in nats per token."""
    entropy_sd: float
    center: tuple[float, float]
    """Parameters and tokens around which the exponents are uncertain."""


class _Candidate:
    """A law with distributions of its constants: a grid [P], and a factor at each point.

    `log_factor`, its variance, and `log_weight` are those given the runs so far.
    """

    def __init__(self, law: ScalingLaw, text: _Text) -> None:
        self._law, self._text = law, text
        sds = [axis.ravel() for axis in np.meshgrid(*[GRID_SDS] * 4, indexing="ij")]
        parameters, tokens = text.center
        entropy = law.entropy * text.scale * (1 + text.entropy_sd * sds[0])
        self._entropy: Values = np.clip(entropy, 0.0, 0.9 * text.highest)
        self._alpha: Values = law.parameter_exponent * np.exp(PARAMETER_EXPONENT_SD * sds[1])
        self._beta: Values = law.token_exponent * np.exp(TOKEN_EXPONENT_SD * sds[2])
        terms = law.parameter_term(parameters), law.token_term(tokens)
        ratio_sd = RATIO_SD / math.sqrt(law.power)
        self._ratio: Values = terms[0] / terms[1] * np.exp(ratio_sd * sds[3])
        published = math.log(text.scale * sum(terms) ** law.power)
        if self._saturates:
            published = published - np.log(text.highest - self._entropy)
        decades = max(
            0.0,
            math.log10(SMALLEST_PARAMETERS / parameters),
            math.log10(SMALLEST_TOKENS / tokens),
        )
        self.log_factor: Values = published - self._log_shape(parameters, tokens)
        self.variance: Values = np.full_like(
            self._alpha, (FACTOR_SD + FACTOR_SD_PER_DECADE * decades) ** 2
        )
        log_prior = -sum(axis**2 for axis in sds) / 2
        self.log_weight: Values = log_prior - np.log(np.exp(log_prior).sum())

    @property
    def _saturates(self) -> bool:
        return self._law.power == 1

    def _log_shape(self, parameters: float, tokens: float) -> Values:
        """Return the logarithm of the excess over E, but for the factor."""
        first = self._ratio * (parameters / self._text.center[0]) ** -self._alpha
        second = (tokens / self._text.center[1]) ** -self._beta
        return self._law.power * np.log(first + second)

    def observe(self, run: Observation) -> None:
        """Update by a run."""
        span = self._text.highest - self._entropy
        excess = (run.loss - self._entropy) / span
        possible = np.clip(excess, LEAST_EXCESS, 1 - LEAST_EXCESS)
        if self._saturates:
            found, slope = np.log(possible / (1 - possible)), 1 / (possible * (1 - possible) * span)
        else:
            found, slope = np.log(possible * span), 1 / (possible * span)
        expected = self.log_factor + self._log_shape(run.parameters, run.tokens)
        total = self.variance + (slope * run.loss_sd) ** 2
        gain = self.variance / total
        self.log_weight = self.log_weight + (
            np.log(slope) - np.log(total) / 2 - (found - expected) ** 2 / (2 * total)
        )
        self.log_factor = self.log_factor + gain * (found - expected)
        self.variance = self.variance * (1 - gain)

    def losses(self, parameters: float, tokens: float) -> tuple[Values, Values]:
        """Return a run's loss at each point of the grid, and its variance there."""
        excess = np.exp(self.log_factor + self._log_shape(parameters, tokens))
        slope = excess
        if self._saturates:
            span = self._text.highest - self._entropy
            excess, slope = span * excess / (1 + excess), span * excess / (1 + excess) ** 2
        return self._entropy + excess, slope**2 * self.variance


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
            is_covered: whether the published laws are about this objective.

        """
        self._observations = observations
        if observations:
            sizes = np.log([[each.parameters, each.tokens] for each in observations]).mean(axis=0)
            center = (math.exp(sizes[0]), math.exp(sizes[1]))
        self._text = _Text(
            scale=bytes_per_token / BYTES_PER_TOKEN,
            highest=math.log(vocabulary_size),
            entropy_sd=ENTROPY_SD if is_covered else UNCOVERED_ENTROPY_SD,
            center=center,
        )
        laws = CANDIDATES if observations else (PUBLISHED,)
        self._candidates = [_Candidate(law, self._text) for law in laws]
        for candidate in self._candidates:
            for run in observations:
                candidate.observe(run)

    @cached_property
    def _weights(self) -> Values:
        """Weights of all points of all candidates."""
        logs = np.concatenate([each.log_weight for each in self._candidates])
        weights = np.exp(logs - logs.max())
        return weights / weights.sum()

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
        low, high = max(0.0, mean - half), min(self._text.highest, mean + half)
        return Prediction(min(max(mean, low), high), min(low, high), high)

    def _moments(self, parameters: float, tokens: float) -> tuple[float, float]:
        """Return the mean and the variance of a run's loss."""
        found = [each.losses(parameters, tokens) for each in self._candidates]
        losses, variances = (np.concatenate(parts) for parts in zip(*found, strict=True))
        mean = float(self._weights @ losses)
        variance = float(self._weights @ (variances + (losses - mean) ** 2))
        of_run = RUN_SD * mean * (1 + self._distance(parameters, tokens))
        return mean, variance + of_run**2

    def _distance(self, parameters: float, tokens: float) -> float:
        """Return how far a run is from the nearest other, as the logarithm of a factor."""

        def distance(run: Observation) -> float:
            return abs(math.log(parameters / run.parameters)) + abs(math.log(tokens / run.tokens))

        return min(map(distance, self._observations), default=0.0)
