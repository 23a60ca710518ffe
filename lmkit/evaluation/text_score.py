"""The score of a model on a text: sums, and what they mean.

Choices:
- The score of an empty text is NaN, like any 0 / 0.
- It needs no torch, so what only shows scores doesn't either.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """Sums of the score of a text; the score of two texts is the sum of theirs.

    >>> score = Score(nll=2 * math.log(2), tokens=2, bytes=4) + Score(0.0, 2, 4)
    >>> round(score.perplexity, 3), round(score.bits_per_byte, 3)
    (1.414, 0.25)
    """

    nll: float
    """Negative log-likelihood in nats, summed over the tokens."""
    tokens: int
    """Predicted tokens: with clm, all but each document's first."""
    bytes: int
    """Bytes of the documents' text in UTF-8; 0 where they are not known."""

    def __add__(self, other: "Score") -> "Score":
        return Score(self.nll + other.nll, self.tokens + other.tokens, self.bytes + other.bytes)

    @property
    def loss(self) -> float:
        """Nats per predicted token; NaN without tokens."""
        return self.nll / self.tokens if self.tokens else math.nan

    @property
    def perplexity(self) -> float:
        """The number of equally likely tokens that is as hard to predict; NaN without tokens."""
        try:
            return math.exp(self.loss)
        except OverflowError:  # a loss above 709: a diverged model
            return math.inf

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte of text of an ideal compressor with this model; NaN without bytes."""
        return self.nll / (math.log(2) * self.bytes) if self.bytes else math.nan
