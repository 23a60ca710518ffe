"""How several packed folders are mixed: the fraction of the sequences from each.

Choices:
- Weights are fractions of tokens, as in 70% web and 30% books. Sequences may contain padding, so a
  folder's fraction of the sequences is its weight over the mean number of tokens in its sequences.
- Without weights every sequence of every folder is equally likely.
- How many of the first n sequences come from each folder is a pure function of n: at each node of a
  tree that halves the list of folders, the sequences so far are divided in proportion to the
  fractions of both halves, and rounded. So the number never decreases, no state is kept between
  steps, and of two folders neither is ever more than half a sequence from its fraction; of more,
  each halving adds at most half.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import floor

from lmkit.errors import ConfigError


def row_fractions(
    weights: Sequence[float] | None, rows: Sequence[int], tokens: Sequence[int]
) -> list[Fraction]:
    """Return the fraction of the sequences from each folder, so that its tokens have its weight.

    Raises ConfigError where there isn't a weight for each.

    >>> row_fractions([0.5, 0.5], rows=[10, 10], tokens=[1000, 500])  # the second is half padding
    [Fraction(1, 3), Fraction(2, 3)]
    >>> row_fractions(None, rows=[30, 10], tokens=[1000, 500])
    [Fraction(3, 4), Fraction(1, 4)]
    """
    if weights is not None and len(weights) != len(rows):
        as_typed = ",".join(map(str, weights))
        raise ConfigError(
            f"--mixture.weights: got {as_typed}, must be {len(rows)}: one for each input",
            "give them in the order of the inputs, such as --mixture.weights 0.7,0.3",
        )
    amounts = [Fraction(count) for count in rows]
    if weights is not None:
        # A float as it was typed: 0.1 is a tenth here.
        weighted = zip(weights, rows, tokens, strict=True)
        amounts = [Fraction(str(weight)) * count / total for weight, count, total in weighted]
    return [part / sum(amounts) for part in amounts]


def rows_so_far(count: int, fractions: Sequence[Fraction]) -> list[int]:
    """Return how many of the first sequences of a run come from each folder.

    >>> [rows_so_far(count, row_fractions([0.7, 0.3], [1, 1], [1, 1])) for count in range(5)]
    [[0, 0], [1, 0], [1, 1], [2, 1], [3, 1]]
    """
    if len(fractions) == 1:
        return [count]
    half = len(fractions) // 2
    left, right = fractions[:half], fractions[half:]
    first = floor(count * sum(left) / sum(fractions) + Fraction(1, 2))
    return [*rows_so_far(first, left), *rows_so_far(count - first, right)]
