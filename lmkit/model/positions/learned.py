"""Learned positions: a trained vector for each, added to the token's embedding.

As in BERT (Devlin et al. 2019, arXiv 1810.04805) and GPT-2 (Radford et al. 2019). There are
--model.max-positions of them, so that no sequence can be longer.

RoBERTa (Liu et al. 2019, arXiv 1907.11692) counts from after the id of padding in its code: the
first position has row 2. The rows before it are kept, so that its weights stay as they are.

Shapes: B batch, T time.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from lmkit.model.linear import Embedding
from lmkit.model.positions.encoding import PositionEncoding


class Learned(PositionEncoding):
    """A matrix with a row for each position."""

    def position_embedding(self) -> nn.Module | None:
        """Return the matrix."""
        config = self.config
        assert config.longest is not None
        if not config.first_position:
            return Embedding(config.longest, config.hidden_size)
        rows = config.first_position + config.longest
        return OffsetEmbedding(rows, config.hidden_size, config.first_position)

    def embedding_parameters(self) -> int:
        """Count its numbers."""
        return (self.config.first_position + (self.config.longest or 0)) * self.config.hidden_size


class OffsetEmbedding(Embedding):
    """A matrix whose first rows stand for no position."""

    def __init__(self, rows: int, width: int, first: int) -> None:
        super().__init__(rows, width)
        self.first = first

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        """Return the rows of positions, in any shape."""
        return F.embedding(input + self.first, self.weight)
