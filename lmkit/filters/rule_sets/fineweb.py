"""FineWeb's custom filters (Penedo et al. 2024, arXiv 2406.17557, section 3.6)."""

from lmkit.config import Group
from lmkit.filters.rule_set import Fraction, Ratio, RuleSet


class FineWeb(Group):
    """Limits of FineWeb's custom filters (Penedo et al. 2024, section 3.6)."""

    min_ended_lines: Fraction | None = 0.12
    """Drop texts with a smaller fraction of lines that end with terminal punctuation."""

    max_short_lines: Fraction | None = 0.67
    """Drop texts with a larger fraction of lines of at most 30 characters."""

    max_repeated_line_characters: Fraction | None = 0.01
    """Drop texts with a larger fraction of characters in lines that occurred before."""

    max_line_feeds_per_word: Ratio | None = 0.3
    """Drop texts with more line feeds per word."""


class FineWebRules(RuleSet):
    """Limits for the ends, lengths and repeats of lines."""

    names = ("fineweb",)
    group = "fineweb"
    options = FineWeb
    for_english = frozenset(names)
    advice = {  # noqa: RUF012
        "fineweb": "--filters.fineweb.min-ended-lines none "
        "--filters.fineweb.max-line-feeds-per-word none"
    }
    measurer = "lmkit.filters.word_signals.measurer_of"
