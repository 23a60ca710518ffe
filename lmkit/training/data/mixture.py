"""How several packed folders are mixed: which share of the rows each one gives.

Choices:
- Weights are shares of tokens, which is what people mean by 70% web and 30% books. Rows may hold
  padding, so a folder's share of the rows is its weight over the mean number of tokens in its rows.
- Without weights every row of every folder is as likely as any other.
- How many of the first n rows come from each folder is a pure function of n: at each point of a
  tree that halves the list of folders, the rows so far are divided by the shares of both halves,
  and rounded. So the number never falls, nothing is remembered between steps, and of two folders
  neither is ever further than half a row from its share; of more, each halving adds at most half.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import floor

from lmkit.errors import ConfigError


def row_fractions(
    weights: Sequence[float] | None, rows: Sequence[int], tokens: Sequence[int]
) -> list[Fraction]:
    """Return the share of the rows that each folder gives, so that its tokens have its weight.

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
    """How many of the first rows of a run come from each folder.

    >>> [rows_so_far(count, row_fractions([0.7, 0.3], [1, 1], [1, 1])) for count in range(5)]
    [[0, 0], [1, 0], [1, 1], [2, 1], [3, 1]]
    """
    if len(fractions) == 1:
        return [count]
    half = len(fractions) // 2
    left, right = fractions[:half], fractions[half:]
    first = floor(count * sum(left) / sum(fractions) + Fraction(1, 2))
    return [*rows_so_far(first, left), *rows_so_far(count - first, right)]
