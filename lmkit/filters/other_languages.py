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

from lmkit.artifacts.documents_file import Document, Outcome, Rejected
from lmkit.filters.language_label import base_language
from lmkit.filters.options import FiltersConfig

ENGLISH = frozenset(
    {"gopher", "gopher-quality", "gopher-repetition", "c4-paper", "c4-code", "fineweb"}
)
JUDGED, DROPPED = "other_languages_judged_as_english", "other_languages_dropped_as_english"
"""Counts of a manifest."""
SAMPLE = 1_000
"""Characters from which the script is determined."""
LATIN = re.compile(r"[A-Za-z\u00aa-\u024f\u1e00-\u1eff]")
OTHER = re.compile(r"[^\W\d_A-Za-z\u00aa-\u024f\u1e00-\u1eff]")
ADVICE = {
    "gopher-quality": "--filters.gopher.min-stop-words none --filters.gopher.min-mean-word-length "
    "none --filters.gopher.max-mean-word-length none",
    "c4": "--filters.c4.end-marks any --filters.c4.min-sentences none "
    "--filters.c4.min-line-words 1",
    "fineweb": "--filters.fineweb.min-ended-lines none "
    "--filters.fineweb.max-line-feeds-per-word none",
}


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
    return len(OTHER.findall(text)) > len(LATIN.findall(text))


def counting_other_languages(
    outcomes: Iterable[Outcome], filters: FiltersConfig, counts: Counter[str]
) -> Iterator[Outcome]:
    """Count the documents of a stream that rules for English have judged, and dropped."""
    if not ENGLISH & set(filters.rules):
        yield from outcomes
        return
    for outcome in outcomes:
        document = outcome.document if isinstance(outcome, Rejected) else outcome
        if isinstance(document, Document) and is_in_another_language(document):
            counts[JUDGED] += 1
            if isinstance(outcome, Rejected):
                counts[DROPPED] += outcome.reason.startswith(("gopher.", "c4.", "fineweb."))
        yield outcome


def warning_text(filters: FiltersConfig, counts: Mapping[str, int]) -> str | None:
    """Say how many such documents there were, and what to do; None if there were none."""
    if not counts.get(JUDGED):
        return None
    rules = [name for name in filters.rules if name in ENGLISH]
    advice = " ".join(
        text
        for name, text in ADVICE.items()
        if any(rule.startswith(name) or name.startswith(f"{rule}-") for rule in rules)
    )
    return (
        f"{counts[JUDGED]:,} documents that aren't in English were judged by rules for English "
        f"({', '.join(rules)}), which dropped {counts.get(DROPPED, 0):,} of them; keep English "
        "alone with --language en, or judge each language apart"
        + (f", with limits of its own, such as {advice}" if advice else "")
    )
