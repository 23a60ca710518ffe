"""Matrices whose numbers are drawn by the model that holds them.

torch's layers draw their own numbers as they are made, from the global generator. Here the model
draws them, from a seed and in a fixed order, so that doing it twice would only cost time, about
a second for each hundred million parameters.
"""

from torch import nn


class Linear(nn.Linear):
    """A linear map, without bias unless asked for, without numbers until the model draws them."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False) -> None:
        super().__init__(inputs, outputs, bias=bias)

    def reset_parameters(self) -> None:
        """Leave the numbers to the model."""


class Embedding(nn.Embedding):
    """A vector for each token, without numbers until the model draws them."""

    def reset_parameters(self) -> None:
        """Leave the numbers to the model."""
