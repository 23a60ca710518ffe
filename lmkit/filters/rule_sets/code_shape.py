"""Drops source files that look generated, or that are data (Codex and StarCoder's filters)."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from lmkit.config import Group
from lmkit.filters.rule_set import Count, Fraction, RuleSet, Signals


class SourceCode(Group):
    """Limits for source code (Chen et al. 2021, section 3.1; Li et al. 2023, section 3)."""

    max_longest_line: Count | None = 1000
    """Drop files with a longer line."""

    max_mean_line_length: Annotated[float, Field(ge=0)] | None = 100
    """Drop files whose lines are longer, on average."""

    min_alphanumeric: Fraction | None = 0.25
    """Drop files with a smaller fraction of letters and digits among all characters."""


class SourceCodeRules(RuleSet):
    """Limits for the length of lines, and for letters and digits."""

    names = ("source-code",)
    group = "source_code"
    options = SourceCode

    def of_texts(self, texts: Sequence[str]) -> Signals:
        """Return the longest and the mean line length, and the fraction of letters and digits."""
        lengths = [line_lengths(text) for text in texts]
        return {
            "longest_line": [longest for longest, _ in lengths],
            "mean_line_length": [mean for _, mean in lengths],
            "alphanumeric": [alphanumeric_fraction(text) for text in texts],
        }


def line_lengths(text: str) -> tuple[int, float]:
    r"""Return the length of the longest line, and the mean length of lines.

    >>> line_lengths("ab\nabcd")
    (4, 3.0)
    """
    lengths = [len(line) for line in text.split("\n")]
    return max(lengths), sum(lengths) / len(lengths)


def alphanumeric_fraction(text: str) -> float:
    """Return the fraction of letters and digits among all characters.

    >>> alphanumeric_fraction("a1 {")
    0.5
    """
    return sum(map(str.isalnum, text)) / max(1, len(text))
