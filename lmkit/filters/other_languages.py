"""Rule sets that were made for English text, and documents that they meet in other languages.

Choices:
- The rules of Gopher, C4 and FineWeb count English stop words, the letters of English words, and
  words between spaces. Other languages need other limits (FineWeb2, Penedo et al. 2025, section 4).
  A run that judges such documents by them says so, with the options to change.
- The language is that of the metadata. Without one, a text is in another language if most of its
  letters aren't Latin.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from lmkit.artifacts.document import Document, Outcome, Rejected
from lmkit.filters.options import FilterOptions
from lmkit.text.language_names import base_language

JUDGED, DROPPED = "other_languages_judged_as_english", "other_languages_dropped_as_english"
"""Counts of a manifest."""
SAMPLE = 1_000
"""Characters from which the script is determined."""
LATIN = re.compile(r"[A-Za-z\u00aa-\u024f\u1e00-\u1eff]")
OTHER = re.compile(r"[^\W\d_A-Za-z\u00aa-\u024f\u1e00-\u1eff]")


def is_in_another_language(document: Document) -> bool:
    """Tell whether a document isn't in English, as far as its metadata or its script says.

    >>> is_in_another_language(Document("a", "Маяк на севере.", "s"))
    True
    """
    language = base_language(document.metadata)
    if language is not None:
        return language not in {"en", "eng", "english", "zxx"}
    text = document.text[:SAMPLE]
    if text.isascii():
        return False
    others = len(OTHER.findall(text))
    return others > 0 and others > len(LATIN.findall(text))


def counting_other_languages(
    outcomes: Iterable[Outcome], filters: FilterOptions, counts: Counter[str]
) -> Iterator[Outcome]:
    """Count the documents of a stream that rules for English have judged, and dropped."""
    if not _names(filters):
        yield from outcomes
        return
    groups = tuple(f"{each.group}." for each in filters.chosen_sets if each.for_english)
    for outcome in outcomes:
        document = outcome.document if isinstance(outcome, Rejected) else outcome
        if isinstance(document, Document) and is_in_another_language(document):
            counts[JUDGED] += 1
            if isinstance(outcome, Rejected):
                counts[DROPPED] += outcome.reason.startswith(groups)
        yield outcome


def warning_text(filters: FilterOptions, counts: Mapping[str, int]) -> str | None:
    """Say how many such documents there were, and what to do; None if there were none."""
    if not counts.get(JUDGED):
        return None
    rules = _names(filters)
    advice = " ".join(
        text
        for each in filters.chosen_sets
        for name, text in each.advice.items()
        if any(rule.startswith(name) or name.startswith(f"{rule}-") for rule in rules)
    )
    return (
        f"{counts[JUDGED]:,} documents that aren't in English were judged by rules for English "
        f"({', '.join(rules)}), which dropped {counts.get(DROPPED, 0):,} of them; keep English "
        "alone with --language en, or judge each language apart"
        + (f", with limits of its own, such as {advice}" if advice else "")
    )


def _names(filters: FilterOptions) -> list[str]:
    """Return the names of the rule sets for English that are applied."""
    english = {name for each in filters.rule_sets for name in each.for_english}
    return [name for name in filters.rules if name in english]
