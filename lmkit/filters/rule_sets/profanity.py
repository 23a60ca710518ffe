"""Drops texts with words and phrases of lists, in the language of the text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

from lmkit.artifacts.document import Document
from lmkit.config import Group, split_commas
from lmkit.filters.profanity_lists import WordListName, WordLists
from lmkit.filters.rule_set import Count, RuleSet, Signals

PROFANITY_LISTS = ("en", "de", "es", "fr")
"""The lists that come with lmkit, by language."""


class Profanity(Group):
    """Words and phrases of lists."""

    max_entries: Count | None = 0
    """Drop texts with more listed words and phrases."""

    lists: Annotated[tuple[str, ...], BeforeValidator(split_commas)] = PROFANITY_LISTS
    """Lists that come with lmkit (en, de, es, fr), or files with one entry per line; de:FILE is
    for texts in that language only. Separated by commas."""


class ProfanityRules(RuleSet):
    """A limit for the entries in a text."""

    names = ("profanity",)
    group = "profanity"
    options = Profanity

    def __init__(self, filters: Any) -> None:
        super().__init__(filters)
        self._lists = WordLists(self.limits.lists)

    @classmethod
    def check(cls, filters: Any) -> None:
        """Refuse lists that no rule uses."""
        if filters.profanity.lists != PROFANITY_LISTS and not cls.is_chosen(filters):
            raise ValueError(
                "--filters.profanity: no rule uses these lists; add profanity to --filters.rules"
            )

    @classmethod
    def files(cls, filters: Any) -> list[tuple[str, Path]]:
        """Return the lists that don't come with lmkit."""
        listed = (WordListName.parse(name).path for name in filters.profanity.lists)
        return [("--filters.profanity.lists", path) for path in listed if path]

    def of_documents(self, documents: Sequence[Document]) -> Signals:
        """Count the entries."""
        return {"entries": [self._lists.count_in(document) for document in documents]}
