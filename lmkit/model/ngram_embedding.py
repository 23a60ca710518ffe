"""Embeddings of the n-grams that end at each token, looked up by hash.

Huang et al. (2025, arXiv 2501.16975, section 3: over-encoding) add to each token's embedding those
of the 2-gram, 3-gram, ... that end there, from tables that several n-grams share. A small model
then needs no attention to know which tokens are next to one another: it learns in fewer steps.
What is read for a token are a few rows, however large the tables are.

Choices:
- A row is a polynomial of the ids, modulo a prime, modulo the rows of the table (Karp and Rabin
  1987). No product exceeds 63 bits, so that every device has the same rows.
- An n-gram never crosses the start of a document: what would be before is a symbol of its own.
- The tables start at 0, so that a new model is the same as without them.
- Of decoders only: a masked token, or one that is predicted in another order, would be in n-grams.

Shapes: B batch, T time, E earlier tokens, D hidden size.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lmkit.model.linear import Embedding

PRIME = 2**31 - 1
BASE = 1_103_515_245
"""A factor below the prime: that of the generator of random numbers in the C standard."""


class NgramEmbedding(nn.Module):
    """A table for each length of n-grams.

    Args:
        longest: tokens of the longest n-grams, 2 or more.
        rows: of each table.
        width: of the vectors.

    """

    def __init__(self, longest: int, rows: int, width: int) -> None:
        super().__init__()
        self.longest, self.rows = longest, rows
        self.tables = nn.ModuleList(Embedding(rows, width) for _ in range(longest - 1))

    def forward(
        self, tokens_BT: Tensor, positions_BT: Tensor, earlier_BE: Tensor | None = None
    ) -> Tensor:
        """Return the sum of the vectors of all n-grams that end at each token.

        Args:
            tokens_BT: token ids.
            positions_BT: each token's position in its document, from 0.
            earlier_BE: the tokens before them, if there are any.

        """
        rows = ngram_rows(tokens_BT, positions_BT, self.longest, self.rows, earlier_BE)
        vectors = [table(rows_BT) for table, rows_BT in zip(self.tables, rows, strict=True)]
        total_BTD, *others = vectors
        for x_BTD in others:
            total_BTD = total_BTD + x_BTD
        return total_BTD


def ngram_rows(
    tokens_BT: Tensor,
    positions_BT: Tensor,
    longest: int,
    rows: int,
    earlier_BE: Tensor | None = None,
) -> Iterator[Tensor]:
    """Yield the rows of the 2-grams, 3-grams, ... that end at each token.

    >>> tokens, positions = torch.tensor([[5, 7, 5, 7]]), torch.tensor([[0, 1, 0, 1]])
    >>> two, three = ngram_rows(tokens, positions, 3, 1_000)
    >>> bool((two[0, :2] == two[0, 2:]).all()), bool(two[0, 0] == two[0, 1])
    (True, False)
    """
    time = tokens_BT.shape[1]
    known = tokens_BT if earlier_BE is None else torch.cat([earlier_BE, tokens_BT], dim=1)
    padded = nn.functional.pad(known + 1, (longest - 1, 0))
    hash_BT = tokens_BT + 1
    for distance in range(1, longest):
        end = padded.shape[1] - distance
        before_BT = padded[:, end - time : end].masked_fill(positions_BT < distance, 0)
        hash_BT = (hash_BT * BASE + before_BT) % PRIME
        yield hash_BT % rows
