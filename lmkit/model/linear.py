"""Linear and embedding layers that the model initializes.

torch's layers initialize themselves in their constructor, from the global generator. Here the model
initializes them, from a seed and in a fixed order, so that doing it twice would only cost time,
about a second for each hundred million parameters.
"""

from torch import nn


class Linear(nn.Linear):
    """A linear layer, without bias by default, uninitialized until the model initializes it."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False) -> None:
        super().__init__(inputs, outputs, bias=bias)

    def reset_parameters(self) -> None:
        """Leave the weights to the model."""


class Embedding(nn.Embedding):
    """A vector for each token, uninitialized until the model initializes it."""

    def reset_parameters(self) -> None:
        """Leave the weights to the model."""
