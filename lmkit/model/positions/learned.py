"""Learned positions: a trained vector for each, added to the token's embedding.

As in BERT (Devlin et al. 2019, arXiv 1810.04805) and GPT-2 (Radford et al. 2019). There are
--model.max-positions of them, so that no sequence can be longer.
"""

from torch import nn

from lmkit.model.linear import Embedding
from lmkit.model.positions.encoding import PositionEncoding


class Learned(PositionEncoding):
    """A matrix with a row for each position."""

    def position_embedding(self) -> nn.Module | None:
        """Return the matrix."""
        assert self.config.longest is not None
        return Embedding(self.config.longest, self.config.hidden_size)

    def embedding_parameters(self) -> int:
        """Count its numbers."""
        return (self.config.longest or 0) * self.config.hidden_size
