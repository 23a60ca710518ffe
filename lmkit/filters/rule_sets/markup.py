"""Drops texts that are mostly tags, entities and wiki markup."""

import re
from collections.abc import Sequence

from lmkit.config import Group
from lmkit.filters.document_signals import visible_characters
from lmkit.filters.rule_set import Fraction, RuleSet, Signals

MARKUP = re.compile(
    r"</?[A-Za-z!][^<>]{0,500}>|&#?[0-9A-Za-z]{1,10};|\[\[|\]\]|\{\{|\}\}|\{\||\|\}|'''?|={2,6}"
)


class Markup(Group):
    """HTML tags, wiki markup and entities."""

    max_fraction: Fraction | None = 0.1
    """Drop texts with a larger fraction of characters in tags, entities, double brackets."""


class MarkupRules(RuleSet):
    """A limit for the fraction of markup."""

    names = ("markup",)
    group = "markup"
    options = Markup
    signal_names = {"max_fraction": "share"}  # noqa: RUF012

    def of_texts(self, texts: Sequence[str]) -> Signals:
        """Return the fraction of markup."""
        return {"share": [markup_fraction(text) for text in texts]}


def markup_fraction(text: str) -> float:
    """Return the fraction of visible characters in tags, entities and wiki markup.

    >>> markup_fraction("<b>ab</b> c")
    0.7
    """
    markup_characters = sum(len(found) - found.count(" ") for found in MARKUP.findall(text))
    return markup_characters / max(1, visible_characters(text))
