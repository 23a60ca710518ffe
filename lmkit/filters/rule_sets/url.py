"""Drops pages whose URLs have listed domains or words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lmkit.artifacts.document import Document
from lmkit.config import Group, Paths
from lmkit.filters.rule_set import Count, RuleSet, Signals
from lmkit.filters.url_blocklist import BlockLists


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


class UrlRules(RuleSet):
    """Limits for listed domains and words."""

    names = ("url",)
    group = "url"
    options = Url

    def __init__(self, filters: Any) -> None:
        super().__init__(filters)
        self._lists = BlockLists(self.limits.domains, self.limits.words)

    @classmethod
    def check(cls, filters: Any) -> None:
        """Refuse a rule without lists, and lists without the rule."""
        has_lists = filters.url.domains or filters.url.words
        if cls.is_chosen(filters) and not has_lists:
            raise ValueError(
                "--filters.rules: got url, must have --filters.url.domains or --filters.url.words"
            )
        if has_lists and not cls.is_chosen(filters):
            raise ValueError("--filters.url: no rule uses these lists; add url to --filters.rules")

    @classmethod
    def files(cls, filters: Any) -> list[tuple[str, Path]]:
        """Return the lists."""
        domains = [("--filters.url.domains", path) for path in filters.url.domains]
        return domains + [("--filters.url.words", path) for path in filters.url.words]

    def of_documents(self, documents: Sequence[Document]) -> Signals:
        """Count the URLs in listed domains, and listed words in URLs."""
        found = [self._lists.count_in(document) for document in documents]
        return {
            "listed_domains": [domains for domains, _ in found],
            "listed_words": [words for _, words in found],
        }
