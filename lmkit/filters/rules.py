"""A rule: a limit of one quality signal."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from lmkit.text.language_codes import EVERY


@dataclass(frozen=True)
class Rule:
    """A limit for one quality signal."""

    option: str
    """Its key below `filters`, such as `gopher.max_top_2gram_fraction`."""
    reason: str
    signal: str
    is_maximum: bool
    """Whether the limit is a maximum; otherwise it is a minimum."""
    limit: float | None
    is_count: bool = False
    """Whether the signal is an integer."""

    def breaks(self, value: Any) -> Any:
        """Tell whether a value, or which values of an array, are beyond the limit."""
        if self.limit is None:
            return value != value
        return value > self.limit if self.is_maximum else value < self.limit

    def decided(self, value: float) -> str:
        """Format the value and the limit that decided.

        >>> Rule("g.max_x", "g.x", "g.x", True, 0.2).decided(0.31)
        'g.x 0.31 > 0.2'
        """
        return (
            f"{self.reason} {_formatted(value, self.limit)} {'<>'[self.is_maximum]} {self.limit:g}"
        )


def _formatted(value: float, limit: float | None) -> str:
    """Format a number with as few digits as distinguish it from its limit."""
    short = next((text for n in range(3, 17) if float(text := f"{value:.{n}g}") != limit), value)
    return str(short)


class LanguageRule(NamedTuple):
    """The requested languages, and their minimum probability; `all` requests every language."""

    languages: tuple[str, ...]
    min_score: float

    def rules(self) -> Iterator[Rule]:
        """Return the rule, if there is one."""
        if self.languages != (EVERY,):
            signal = "language.wanted"
            yield Rule("min_language_score", "language", signal, False, self.min_score)
