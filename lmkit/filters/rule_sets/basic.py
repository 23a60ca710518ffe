"""The default rules: they drop what nobody would call text, and don't judge its quality."""

from collections.abc import Iterator, Sequence
from typing import Any

from lmkit.filters.document_signals import repeated_fraction, visible_and_letters
from lmkit.filters.rule_set import RuleSet, Signals
from lmkit.filters.rules import Rule

REASONS = {
    "min_characters": ("too_short", "characters"),
    "min_letters": ("too_few_letters", "letters"),
    "max_repeats": ("too_repetitive", "repeats"),
}


class BasicRules(RuleSet):
    """Length, letters, and repeated lines; its options are those of the filters themselves."""

    names = ("basic",)

    @classmethod
    def is_chosen(cls, filters: Any) -> bool:
        """If all of its limits are off, no signal is computed."""
        limited = any(getattr(filters, option) is not None for option in REASONS)
        return limited and super().is_chosen(filters)

    @classmethod
    def rules(cls, filters: Any, name: str) -> Iterator[Rule]:
        """Return three rules."""
        del name
        for option, (reason, signal) in REASONS.items():
            limit, is_count = getattr(filters, option), signal == "characters"
            yield Rule(option, reason, signal, option.startswith("max"), limit, is_count)

    def of_texts(self, texts: Sequence[str]) -> Signals:
        """Return visible characters, the fraction of letters, and that of repeated lines."""
        counts = [visible_and_letters(text) for text in texts]
        return {
            "characters": [visible for visible, _ in counts],
            "letters": [letters / max(1, visible) for visible, letters in counts],
            "repeats": [repeated_fraction(text) for text in texts],
        }
