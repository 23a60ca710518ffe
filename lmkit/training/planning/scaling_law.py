"""How the loss of a model follows from its size and from the data, by published constants.

    L(N, D) = E + (A / N^alpha + B / D^beta)^gamma    N parameters, D tokens, L in nats per token

Choices:
- The form is that of Hoffmann et al. (2022, arXiv 2203.15556, section 3.3). The constants are those
  that Besiroglu et al. (2024, arXiv 2404.10102) fitted to its data again: the first ones don't
  agree with the other results of their own paper.
- Another law has this form, too: that of Kaplan et al. (2020, arXiv 2001.08361, equation 1.5,
  constants of table 2), with E = 0, was fitted down to a million parameters and 22 million tokens.
  A third one lies between both, with a power as in the law of Busbridge et al. (2025, arXiv
  2502.08606).
- N counts all parameters, those of the embedding too, a tied one once, as Hoffmann et al. do. For
  small models the two ways of counting differ (Pearce and Song 2024, arXiv 2406.12907).
- Repeated tokens count less (Muennighoff et al. 2023, arXiv 2305.16264, section 3.1). Their second
  constant, for more parameters than the data deserve, is left out: it needs the size that is
  optimal for the data, which isn't known below their models of 7 million parameters.
"""

import math
from dataclasses import dataclass

FLOPS_PER_PARAMETER = 6
"""Of a token, forward and backward (section 2.1 of Kaplan et al. 2020, arXiv 2001.08361)."""
REPETITIONS = 15.39
"""R*_D: after this many repetitions, another one is worth 1/e of new data (section 6)."""
BYTES_PER_TOKEN = 4.48
"""Of the text that the constants were fitted on: MassiveText has 10.5 TB, and 300 billion tokens
are 12.8% of it (section 3.1 of Rae et al. 2021, arXiv 2112.11446)."""
SMALLEST_PARAMETERS, SMALLEST_TOKENS = 70e6, 5e9
"""The constants were fitted on runs of at least about this size."""


@dataclass(frozen=True)
class ScalingLaw:
    """The constants of a law."""

    entropy: float
    """E, in nats per token: the loss of an infinitely large model with infinite data."""
    parameter_scale: float
    """A."""
    parameter_exponent: float
    """Alpha."""
    token_scale: float
    """B."""
    token_exponent: float
    """Beta."""
    power: float = 1.0
    """Gamma."""

    def parameter_term(self, parameters: float) -> float:
        """Return A / N^alpha: what more parameters would improve."""
        return self.parameter_scale / parameters**self.parameter_exponent

    def token_term(self, tokens: float) -> float:
        """Return B / D^beta: what more data would improve."""
        return self.token_scale / tokens**self.token_exponent

    def loss(self, parameters: float, tokens: float) -> float:
        """Return the expected loss in nats per token.

        >>> round(PUBLISHED.loss(70e9, 1.4e12), 2)
        1.97
        """
        terms = self.parameter_term(parameters) + self.token_term(tokens)
        return self.entropy + terms**self.power

    def optimum(self, flops: float) -> tuple[float, float]:
        """Return the parameters and tokens with the lowest loss for 6 N D FLOPs (equation 4)."""
        alpha, beta = self.parameter_exponent, self.token_exponent
        ratio = (alpha * self.parameter_scale / (beta * self.token_scale)) ** (1 / (alpha + beta))
        product = flops / FLOPS_PER_PARAMETER
        parameters = ratio * product ** (beta / (alpha + beta))
        return parameters, product / parameters

    def parameters_for(self, tokens: float) -> float:
        """Return the parameters of which these tokens are the optimal data."""
        alpha, beta = self.parameter_exponent, self.token_exponent
        term = beta * self.token_term(tokens) / alpha
        return (self.parameter_scale / term) ** (1 / alpha)


PUBLISHED = ScalingLaw(
    entropy=1.8172,
    parameter_scale=482.01,
    parameter_exponent=0.3478,
    token_scale=2085.43,
    token_exponent=0.3658,
)
"""The constants of Besiroglu et al., for the text and the tokenizer of Hoffmann et al."""
KAPLAN = ScalingLaw(
    entropy=0.0,
    parameter_scale=6.4e13 ** (0.076 / 0.103),
    parameter_exponent=0.076 / 0.103,
    token_scale=1.8e13,
    token_exponent=1.0,
    power=0.103,
)
"""(Nc / N)^(aN / aD) + Dc / D, to the power of aD."""


def between(large: ScalingLaw, small: ScalingLaw) -> ScalingLaw:
    """Return a law between one for large models and one for small ones.

    Its power and exponents are geometric means, its E is the mean. In the smallest run that `large`
    was fitted on, loss and ratio of the terms are those of that law.

    >>> law = between(PUBLISHED, KAPLAN)
    >>> round(law.power, 3), round(law.token_exponent * law.power, 3)
    (0.321, 0.194)
    """
    power = math.sqrt(large.power * small.power)
    entropy = (large.entropy + small.entropy) / 2
    alpha = math.sqrt(large.parameter_exponent * small.parameter_exponent)
    beta = math.sqrt(large.token_exponent * small.token_exponent)
    first = large.parameter_term(SMALLEST_PARAMETERS)
    second = large.token_term(SMALLEST_TOKENS)
    loss = large.loss(SMALLEST_PARAMETERS, SMALLEST_TOKENS)
    factor = (loss - entropy) ** (1 / power) / (first + second)
    return ScalingLaw(
        entropy=entropy,
        parameter_scale=factor * first * SMALLEST_PARAMETERS**alpha,
        parameter_exponent=alpha,
        token_scale=factor * second * SMALLEST_TOKENS**beta,
        token_exponent=beta,
        power=power,
    )


CANDIDATES = (PUBLISHED, KAPLAN, between(PUBLISHED, KAPLAN))
"""Laws that a text and a recipe may follow."""


def effective_tokens(tokens: float, unique: float, repetitions: float = REPETITIONS) -> float:
    """Return how many new tokens are worth as much as these, of which some are repeated.

    Equation 5 of Muennighoff et al.

    Args:
        tokens: read in all.
        unique: that there are.
        repetitions: R*_D.

    >>> effective_tokens(50, 100), round(effective_tokens(400, 100))
    (50, 373)

    """
    if tokens <= unique:
        return tokens
    repeated = tokens / unique - 1
    return unique + unique * repetitions * (1 - math.exp(-repeated / repetitions))
