"""Gopher's rules: repetition and quality (Rae et al. 2021, arXiv 2112.11446)."""

from lmkit.config import Group
from lmkit.filters.rule_set import Count, Fraction, Ratio, RuleSet


class GopherRepetition(Group):
    """Limits of Rae et al. 2021, table A1: more than this is dropped."""

    max_duplicate_paragraphs: Fraction | None = 0.3
    """Fraction of paragraphs that occurred before."""

    max_duplicate_paragraph_characters: Fraction | None = 0.2
    """Fraction of characters in paragraphs that occurred before."""

    max_duplicate_lines: Fraction | None = 0.3
    """Fraction of lines that occurred before."""

    max_duplicate_line_characters: Fraction | None = 0.2
    """Fraction of characters in lines that occurred before."""

    max_top_2gram_fraction: Ratio | None = 0.2
    """Fraction of characters in the most frequent 2 words in a row."""

    max_top_3gram_fraction: Ratio | None = 0.18
    """Fraction of characters in the most frequent 3 words in a row."""

    max_top_4gram_fraction: Ratio | None = 0.16
    """Fraction of characters in the most frequent 4 words in a row."""

    max_duplicate_5gram_fraction: Fraction | None = 0.15
    """Fraction of characters in 5 words in a row that occurred before."""

    max_duplicate_6gram_fraction: Fraction | None = 0.14
    """Fraction of characters in 6 words in a row that occurred before."""

    max_duplicate_7gram_fraction: Fraction | None = 0.13
    """Fraction of characters in 7 words in a row that occurred before."""

    max_duplicate_8gram_fraction: Fraction | None = 0.12
    """Fraction of characters in 8 words in a row that occurred before."""

    max_duplicate_9gram_fraction: Fraction | None = 0.11
    """Fraction of characters in 9 words in a row that occurred before."""

    max_duplicate_10gram_fraction: Fraction | None = 0.1
    """Fraction of characters in 10 words in a row that occurred before."""


class GopherQuality(Group):
    """Limits of Rae et al. 2021, appendix A.1.1."""

    min_words: Count | None = 50
    """Drop texts with fewer words; punctuation alone is no word."""

    max_words: Count | None = 100_000
    """Drop texts with more words."""

    min_mean_word_length: Ratio | None = 3
    """Drop texts whose words are shorter, on average."""

    max_mean_word_length: Ratio | None = 10
    """Drop texts whose words are longer, on average."""

    max_hash_ratio: Ratio | None = 0.1
    """Drop texts with more # per word."""

    max_ellipsis_ratio: Ratio | None = 0.1
    """Drop texts with more ellipses per word."""

    max_bullet_lines: Fraction | None = 0.9
    """Drop texts with a larger fraction of lines that begin with a bullet."""

    max_ellipsis_lines: Fraction | None = 0.3
    """Drop texts with a larger fraction of lines that end with an ellipsis."""

    min_alphabetic_words: Fraction | None = 0.8
    """Drop texts with a smaller fraction of words (with punctuation) that contain a letter."""

    min_stop_words: Count | None = 2
    """Drop texts with fewer different words of: the, be, to, of, and, that, have, with."""


class Gopher(GopherQuality, GopherRepetition):
    """Repetition and quality, as for Gopher."""


class GopherRules(RuleSet):
    """Repetition, then quality; or one of the two."""

    names = ("gopher", "gopher-repetition", "gopher-quality")
    group = "gopher"
    options = Gopher
    subsets = {  # noqa: RUF012
        "gopher-repetition": GopherRepetition,
        "gopher-quality": GopherQuality,
    }
    for_english = frozenset(names)
    advice = {  # noqa: RUF012
        "gopher-quality": "--filters.gopher.min-stop-words none "
        "--filters.gopher.min-mean-word-length none --filters.gopher.max-mean-word-length none"
    }
    measurer = "lmkit.filters.word_signals.measurer_of"
