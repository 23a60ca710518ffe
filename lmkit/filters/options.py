"""Options of the filters: rule sets, limits and presets.

Choices:
- A document is counted for the first rule that drops it; rule sets are applied in the order in
  which they are named, the rules of a set in the order of its fields here.
- A field is a rule: `max_top_2gram_fraction` of `gopher` drops a text whose signal
  `gopher.top_2gram_fraction` is larger. Its default is the paper's, and `none` switches it off.
- `basic` only drops what nobody would call text. It doesn't judge the quality of a text.
- A document without a visible character is always dropped: it has no training signal.
- Presets choose rule sets, and change thresholds where the papers' were chosen for another kind of
  text: a third of all passages of novels fail Gopher's fraction of words with letters, because the
  quotation marks of dialogue are words there.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, model_validator

from lmkit.config import Group, Paths, split_commas

Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
RuleSet = Literal[
    "basic",
    "gopher",
    "gopher-repetition",
    "gopher-quality",
    "c4-paper",
    "c4-code",
    "fineweb",
    "markup",
    "source-code",
    "profanity",
    "url",
]
Preset = Literal["basic", "web", "books", "code", "none"]
PROFANITY_LISTS = ("en", "de", "es", "fr")
"""The lists that come with lmkit, by language."""


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

    max_top_2gram_fraction: Annotated[float, Field(ge=0)] | None = 0.2
    """Fraction of characters in the most frequent 2 words in a row."""

    max_top_3gram_fraction: Annotated[float, Field(ge=0)] | None = 0.18
    """Fraction of characters in the most frequent 3 words in a row."""

    max_top_4gram_fraction: Annotated[float, Field(ge=0)] | None = 0.16
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

    min_mean_word_length: Annotated[float, Field(ge=0)] | None = 3
    """Drop texts whose words are shorter, on average."""

    max_mean_word_length: Annotated[float, Field(ge=0)] | None = 10
    """Drop texts whose words are longer, on average."""

    max_hash_ratio: Annotated[float, Field(ge=0)] | None = 0.1
    """Drop texts with more # per word."""

    max_ellipsis_ratio: Annotated[float, Field(ge=0)] | None = 0.1
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


class C4(Group):
    """Lines and documents, as for C4 (Raffel et al. 2020); c4-paper and c4-code differ in three."""

    max_lorem_ipsum_lines: Count | None = 0
    """Drop texts with more lines that contain 'lorem ipsum'."""

    max_curly_bracket_lines: Count | None = 0
    """Drop texts with more lines that contain a curly bracket."""

    min_sentences: Count | None = None
    """Drop texts with fewer sentences in the lines that are kept [5, or 3 with c4-code]."""

    min_line_words: Annotated[int, Field(ge=1)] | None = None
    """Cut lines with fewer words [3, or 5 with c4-code]."""

    end_marks: Literal["quotes", "strict", "any"] | None = None
    """Cut lines that don't end with . ? ! or a quotation mark, any or double; any: cut none."""

    cut_lines: bool = True
    """Cut the lines that C4 wouldn't keep; otherwise they only don't count."""


class FineWeb(Group):
    """Limits of FineWeb's custom filters (Penedo et al. 2024, section 3.6)."""

    min_ended_lines: Fraction | None = 0.12
    """Drop texts with a smaller fraction of lines that end with terminal punctuation."""

    max_short_lines: Fraction | None = 0.67
    """Drop texts with a larger fraction of lines of at most 30 characters."""

    max_repeated_line_characters: Fraction | None = 0.01
    """Drop texts with a larger fraction of characters in lines that occurred before."""

    max_line_feeds_per_word: Annotated[float, Field(ge=0)] | None = 0.3
    """Drop texts with more line feeds per word."""


class Markup(Group):
    """HTML tags, wiki markup and entities."""

    max_fraction: Fraction | None = 0.1
    """Drop texts with a larger fraction of characters in tags, entities, double brackets."""


class SourceCode(Group):
    """Limits for source code (Chen et al. 2021, section 3.1; Li et al. 2023, section 3)."""

    max_longest_line: Count | None = 1000
    """Drop files with a longer line."""

    max_mean_line_length: Annotated[float, Field(ge=0)] | None = 100
    """Drop files whose lines are longer, on average."""

    min_alphanumeric: Fraction | None = 0.25
    """Drop files with a smaller fraction of letters and digits among all characters."""


class Profanity(Group):
    """Words and phrases of lists."""

    max_entries: Count | None = 0
    """Drop texts with more listed words and phrases."""

    lists: Annotated[tuple[str, ...], BeforeValidator(split_commas)] = PROFANITY_LISTS
    """Lists that come with lmkit (en, de, es, fr), or files with one entry per line; de:FILE is
    for texts in that language only. Separated by commas."""


class Url(Group):
    """Domains and words in the URLs of pages."""

    max_listed_domains: Count | None = 0
    """Drop pages of which more URLs (canonical, and where it was fetched) are in a listed
    domain."""

    max_listed_words: Count | None = 0
    """Drop pages with more listed words in their URLs."""

    domains: Paths = ()
    """Files of domains, one per line, or hosts files; subdomains are included."""

    words: Paths = ()
    """Files of words, one per line."""


OFF: dict[str, Any] = {"min_characters": None, "min_letters": None, "max_repeats": None}
PRESETS: dict[str, dict[str, Any]] = {
    "basic": {},
    "none": OFF,
    "web": {
        "rules": ("basic", "gopher", "c4-paper", "fineweb", "markup"),
        "c4": {"end_marks": "any"},
    },
    "books": {
        "rules": ("basic", "gopher", "markup"),
        "gopher": {"max_words": None, "min_alphabetic_words": 0.65},
    },
    "code": {"rules": ("basic", "source-code"), "max_repeats": None},
}
C4_DEFAULTS = {
    "c4-paper": {"min_sentences": 5, "min_line_words": 3, "end_marks": "quotes"},
    "c4-code": {"min_sentences": 3, "min_line_words": 5, "end_marks": "strict"},
}


class FiltersConfig(Group):
    """Which documents are dropped."""

    preset: Preset = "basic"
    """Default rules and limits; with none, only empty documents are dropped."""

    rules: Annotated[tuple[RuleSet, ...], BeforeValidator(split_commas)] = ("basic",)
    """Rule sets, in the order in which they are applied: basic, gopher (or gopher-repetition,
    gopher-quality), c4-paper or c4-code, fineweb, markup, source-code, profanity, url;
    separated by commas."""

    min_characters: Count | None = 25
    """Drop documents with fewer visible characters than this."""

    min_letters: Fraction | None = 0.25
    """Drop documents with a smaller fraction of letters among the visible characters than this."""

    max_repeats: Fraction | None = 0.75
    """Drop documents with a larger fraction of repeated lines than this."""

    classifier: Path | None = None
    """Score documents with a quality classifier: the folder that train-classifier wrote. The score
    is a signal, from 0 to 1."""

    min_classifier_score: Fraction | None = None
    """Drop documents with a lower score of --filters.classifier; none: only record it."""

    gopher: Gopher = Gopher()

    c4: C4 = C4()

    fineweb: FineWeb = FineWeb()

    markup: Markup = Markup()

    source_code: SourceCode = SourceCode()

    profanity: Profanity = Profanity()

    url: Url = Url()

    @model_validator(mode="before")
    @classmethod
    def _start_from_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        table = dict(cast(dict[str, Any], values))
        preset = PRESETS.get(str(table.get("preset", "basic")), {})
        rules = split_commas(table.get("rules", preset.get("rules", ())))
        chosen = cast(tuple[str, ...], rules) if isinstance(rules, tuple | list) else ()
        variant = next((name for name in chosen if name in C4_DEFAULTS), None)
        starts = {**preset, "c4": {**C4_DEFAULTS.get(variant or "", {}), **preset.get("c4", {})}}
        for name, start in starts.items():
            given = table.get(name)
            if isinstance(start, dict) and isinstance(given, dict | None):
                table[name] = {**cast(Any, start), **(given or {})}
            elif name not in table:
                table[name] = start
        return table

    @model_validator(mode="after")
    def _one_c4(self) -> "FiltersConfig":
        if {"c4-paper", "c4-code"} <= set(self.rules):
            raise ValueError("--filters.rules: got c4-paper and c4-code, must be one of the two")
        return self

    @model_validator(mode="after")
    def _score_needs_a_classifier(self) -> "FiltersConfig":
        if self.min_classifier_score is not None and self.classifier is None:
            raise ValueError(
                "--filters.min-classifier-score: no classifier scores documents; add "
                "--filters.classifier"
            )
        return self

    @model_validator(mode="after")
    def _lists_need_rules(self) -> "FiltersConfig":
        if "url" in self.rules and not (self.url.domains or self.url.words):
            raise ValueError(
                "--filters.rules: got url, must have --filters.url.domains or --filters.url.words"
            )
        if (self.url.domains or self.url.words) and "url" not in self.rules:
            raise ValueError("--filters.url: no rule uses these lists; add url to --filters.rules")
        if self.profanity.lists != PROFANITY_LISTS and "profanity" not in self.rules:
            raise ValueError(
                "--filters.profanity: no rule uses these lists; add profanity to --filters.rules"
            )
        return self
