"""The rules that follow from the filter options: a limit of one signal each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lmkit.config import Group
from lmkit.filters.options import (
    C4,
    FiltersConfig,
    FineWeb,
    Gopher,
    GopherQuality,
    GopherRepetition,
    Markup,
    Profanity,
    SourceCode,
    Url,
)
from lmkit.filters.profanity import WordListName
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


BASIC_REASONS = {
    "min_characters": ("too_short", "characters"),
    "min_letters": ("too_few_letters", "letters"),
    "max_repeats": ("too_repetitive", "repeats"),
}
FIELDS: dict[str, tuple[str, type[Group]]] = {
    "gopher": ("gopher", Gopher),
    "gopher-repetition": ("gopher", GopherRepetition),
    "gopher-quality": ("gopher", GopherQuality),
    "c4-paper": ("c4", C4),
    "c4-code": ("c4", C4),
    "fineweb": ("fineweb", FineWeb),
    "markup": ("markup", Markup),
    "source-code": ("source_code", SourceCode),
    "profanity": ("profanity", Profanity),
    "url": ("url", Url),
}
"""The options that declare the rules of a set."""
NOT_LIMITS = frozenset({"min_line_words", "end_marks", "cut_lines", "lists", "domains", "words"})
"""Fields that are no limits."""
CLASSIFIER_SCORE = "classifier.score"
SIGNALS = {"max_fraction": "share"}
"""Signals whose names, in signals files and reasons, differ from the option's."""


class LanguageRule(NamedTuple):
    """The requested languages, and their minimum probability; `all` requests every language."""

    languages: tuple[str, ...]
    min_score: float

    def rules(self) -> Iterator[Rule]:
        """Return the rule, if there is one."""
        if self.languages != (EVERY,):
            signal = "language.wanted"
            yield Rule("min_language_score", "language", signal, False, self.min_score)


def rules_of(filters: FiltersConfig, language: LanguageRule | None = None) -> Iterator[Rule]:
    """Return the rules in the order in which they are applied, including those switched off.

    Only the basic ones are left out if all of them are off: then no signal is computed.

    >>> [rule.reason for rule in rules_of(FiltersConfig())]
    ['too_short', 'too_few_letters', 'too_repetitive']
    """
    yield from language.rules() if language else ()
    for name in filters.rules:
        if name == "basic":
            if any(getattr(filters, option) is not None for option in BASIC_REASONS):
                for option, (reason, signal) in BASIC_REASONS.items():
                    limit = getattr(filters, option)
                    yield Rule(option, reason, signal, option.startswith("max"), limit)
            continue
        prefix, declared = FIELDS[name]
        fields = [field for field in declared.model_fields if field not in NOT_LIMITS]
        signals = [SIGNALS.get(field, field.partition("_")[2]) for field in fields]
        for field, signal in zip(fields, signals, strict=True):
            limit = getattr(getattr(filters, prefix), field)
            # If a signal has two limits, the option is the reason.
            reason = f"{prefix}.{signal if signals.count(signal) == 1 else field}"
            side = field.startswith("max")
            yield Rule(f"{prefix}.{field}", reason, f"{prefix}.{signal}", side, limit)
    if filters.classifier:
        limit = filters.min_classifier_score
        yield Rule("min_classifier_score", CLASSIFIER_SCORE, CLASSIFIER_SCORE, False, limit)


def rules_of_manifest(config: Mapping[str, Any]) -> list[Rule]:
    """Return the rules of a manifest's configuration."""
    languages = config.get("language")
    language = LanguageRule(tuple(languages), config["min_language_score"]) if languages else None
    return [*rules_of(FiltersConfig.model_validate(config["filters"]), language)]


def list_files(filters: FiltersConfig) -> list[tuple[str, Path]]:
    """Return the list files that the rules use, each with the option that names it."""
    named: list[tuple[str, Path]] = []
    if "profanity" in filters.rules:
        listed = (WordListName.parse(name).path for name in filters.profanity.lists)
        named += [("--filters.profanity.lists", path) for path in listed if path]
    if "url" in filters.rules:
        named += [("--filters.url.domains", path) for path in filters.url.domains]
        named += [("--filters.url.words", path) for path in filters.url.words]
    return named
