"""The registry of matchers.

Choice: the list is their order. Each matcher ignores what those before it have removed, so those
that drop a document for what it holds come first, and those that compare its parts last.
"""

from operator import attrgetter
from typing import Any

from lmkit.deduplication.decontamination import Decontaminator
from lmkit.deduplication.exact import Exact, SameUrl
from lmkit.deduplication.matcher import Matcher
from lmkit.deduplication.near_duplicates import NearDuplicates
from lmkit.deduplication.options import MatchOptions
from lmkit.deduplication.repeated_spans import RepeatedSpans
from lmkit.errors import ConfigError

MATCHERS: tuple[type[Matcher], ...] = (
    Decontaminator,
    SameUrl,
    Exact,
    NearDuplicates,
    RepeatedSpans,
)


def matchers_of(options: MatchOptions, *, with_index: bool = False) -> list[Matcher]:
    """Return the matchers that the options ask for, in order.

    Raises ConfigError for one that a crawl index can't hold, if there is an index.
    """
    matchers = [matcher for each in MATCHERS if (matcher := each.of(options))]
    for matcher in matchers if with_index else ():
        if not matcher.works_with_index:
            raise ConfigError(
                "--index: compares copies of full documents, and can't be used with "
                f"--{matcher.option}; run dedup twice, once with each",
                "see: lmkit dedup --help",
            )
    return matchers


def index_settings(options: MatchOptions) -> dict[str, Any]:
    """Return the options that must be the same for all crawls of an index.

    >>> index_settings(MatchOptions.model_validate({"minhash": {"action": None}}))
    {'minhash.action': None}
    """
    settings: dict[str, Any] = {}
    for matcher in MATCHERS:
        if matcher.compared:
            names = matcher.compared if matcher.of(options) else (matcher.option,)
            settings |= {name: attrgetter(name)(options) for name in names}
    return settings
