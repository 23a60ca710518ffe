"""Options of the filters: rule sets, limits and presets.

Choices:
- A document is counted for the first rule that drops it; rule sets are applied in the order in
  which they are named, the rules of a set in the order of its options.
- A field is a rule: `max_top_2gram_fraction` of `gopher` drops a text whose signal
  `gopher.top_2gram_fraction` is larger. Its default is the paper's, and `none` switches it off.
- Each rule set brings its own options (see `rule_sets`); these are the ones of all, and those of
  `basic`.
- A document without a visible character is always dropped: it has no training signal.
- Presets choose rule sets, and change thresholds where the papers' were chosen for another kind of
  text: a third of all passages of novels fail Gopher's fraction of words with letters, because the
  quotation marks of dialogue are words there.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import BeforeValidator, Field, create_model, model_validator

from lmkit.config import Group, OneOf, split_commas
from lmkit.errors import InputError
from lmkit.filters.rule_set import Count, Fraction, RuleSet
from lmkit.filters.rule_sets.registry import RULE_SETS
from lmkit.filters.rules import LanguageRule, Rule

Preset = Literal["basic", "web", "books", "code", "none"]
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


class FilterOptions(Group):
    """The options of all rule sets together."""

    rule_sets: ClassVar[tuple[type[RuleSet], ...]] = ()

    preset: Preset = "basic"
    """Default rules and limits; with none, only empty documents are dropped."""

    rules: Annotated[tuple[str, ...], BeforeValidator(split_commas)] = ("basic",)

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

    @model_validator(mode="before")
    @classmethod
    def _start_from_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        table = dict(cast(dict[str, Any], values))
        starts = {**PRESETS.get(str(table.get("preset", "basic")), {})}
        rules = split_commas(table.get("rules", starts.get("rules", ())))
        chosen = cast(tuple[str, ...], rules) if isinstance(rules, tuple | list) else ()
        for each in cls.rule_sets:
            if each.group and each.variants:
                variant = next(
                    (each.variants[name] for name in chosen if name in each.variants), {}
                )
                starts[each.group] = {**variant, **starts.get(each.group, {})}
        for name, start in starts.items():
            given = table.get(name)
            if isinstance(start, dict) and isinstance(given, dict | None):
                table[name] = {**cast(Any, start), **(given or {})}
            elif name not in table:
                table[name] = start
        return table

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        for each in self.rule_sets:
            each.check(self)
        return self

    @property
    def chosen_sets(self) -> list[type[RuleSet]]:
        """The rule sets that judge, in the order of the registry."""
        return [each for each in self.rule_sets if each.is_chosen(self)]

    def in_order(self, language: LanguageRule | None = None) -> Iterator[Rule]:
        """Return the rules in the order in which they are applied, including those switched off.

        >>> [rule.reason for rule in FiltersConfig().in_order()]
        ['too_short', 'too_few_letters', 'too_repetitive']
        """
        yield from language.rules() if language else ()
        chosen = self.chosen_sets
        for name in self.rules:
            for each in chosen:
                if name in each.names:
                    yield from each.rules(self, name)
        for each in chosen:
            if not each.names:
                yield from each.rules(self, "")

    def list_files(self) -> list[tuple[str, Path]]:
        """Return the files that the rules read, each with the option that names it."""
        return [named for each in self.chosen_sets for named in each.files(self)]


def with_rule_sets(
    base: type[FilterOptions], added: Iterable[type[RuleSet]]
) -> type[FilterOptions]:
    """Return the options with rule sets, and their options, in addition to those that it has."""
    added = tuple(added)
    sets = (*base.rule_sets, *added)
    names = [name for each in sets for name in each.names]
    groups = {each.group: each.options for each in added if each.group and each.options}
    fields: dict[str, Any] = {
        "rules": (
            Annotated[
                tuple[Annotated[str, OneOf((*names,))], ...],
                BeforeValidator(split_commas),
                Field(description=_rules_help(sets)),
            ],
            base.model_fields["rules"].default,
        ),
        **{group: (options, options()) for group, options in groups.items()},
    }
    extended = create_model(base.__name__, __base__=base, __module__=base.__module__, **fields)
    extended.rule_sets = sets
    return extended


def _rules_help(sets: Iterable[type[RuleSet]]) -> str:
    """Return the help of --filters.rules, which lists the names of all sets."""
    listed = [
        " or ".join(each.names)
        if each.variants
        else each.names[0] + (f" (or {', '.join(each.names[1:])})" if each.names[1:] else "")
        for each in sets
        if each.names
    ]
    return (
        f"Rule sets, in the order in which they are applied: {', '.join(listed)}; "
        "separated by commas."
    )


class FiltersConfig(with_rule_sets(FilterOptions, RULE_SETS)):
    """Which documents are dropped."""


def rules_of_manifest(filters: type[FilterOptions], config: Mapping[str, Any]) -> list[Rule]:
    """Return the rules of a manifest's configuration; InputError where it is damaged."""
    try:
        known = filters.model_validate(config["filters"])
        languages = tuple(config.get("language") or ())
        language = LanguageRule(languages, config["min_language_score"]) if languages else None
        return [*known.in_order(language)]
    except (KeyError, TypeError, ValueError):  # pydantic's ValidationError is one
        raise InputError(
            "manifest.json: damaged: its options hold no rules", "make that folder again"
        ) from None
