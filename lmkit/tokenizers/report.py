"""Statistics of a tokenizer on texts, by source, for comparison with other tokenizers.

    bytes_per_token     UTF-8 bytes of the texts per token: how much text a sequence holds
    tokens_per_word     tokens per run between white space
    unknown_share       fraction of unknown tokens
    vocabulary_used     fraction of the entries that occur, without special tokens
    come_back           fraction of the texts that decoding returns unchanged (round trip)

Choices:
- Texts are encoded and decoded as in later stages, so a text that fails the round trip is one that
  a model would be trained on in a changed form.
- Statistics are sums with one division at the end: a source's number is that of all its text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.text.surrogates import well_formed
from lmkit.tokenizers.tokenizer import Tokenizer

LONGEST = 5
TOGETHER = "all"
"""The label for all sources together."""
OTHERS = "other sources"
SHOWN_SOURCES = 50
BATCH = 64


@dataclass
class Measures:
    """Counts on some texts; they can be added up."""

    vocabulary_size: int
    texts: int = 0
    bytes: int = 0
    words: int = 0
    tokens: int = 0
    unknown: int = 0
    come_back: int = 0
    occurs: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.occurs = np.zeros(self.vocabulary_size, np.bool_)

    def add(self, other: "Measures") -> None:
        """Add the counts of other texts."""
        for name in ("texts", "bytes", "words", "tokens", "unknown", "come_back"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.occurs |= other.occurs


def few_sources(
    texts: Mapping[str, Sequence[str]], most: int = SHOWN_SOURCES
) -> dict[str, list[str]]:
    """Merge the texts of all but the largest sources: a crawl may have a million.

    >>> few_sources({"a": ["one"], "b": ["two", "three"], "c": ["4"]}, most=2)
    {'b': ['two', 'three'], 'other sources': ['one', '4']}
    """
    if len(texts) <= most:
        return {source: list(own) for source, own in texts.items()}
    by_size = sorted(texts, key=lambda source: (-sum(map(len, texts[source])), source))
    kept = {source: list(texts[source]) for source in by_size[: most - 1]}
    kept[OTHERS] = [text for source in by_size[most - 1 :] for text in texts[source]]
    return kept


def measure(
    tokenizer: Tokenizer, texts: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Measures], str | None]:
    """Return the counts by source, and the first text that fails the round trip."""
    found: dict[str, Measures] = {}
    lost: str | None = None
    for source, own in texts.items():
        measures = found.setdefault(source, Measures(tokenizer.size))
        for start in range(0, len(own), BATCH):
            batch = own[start : start + BATCH]
            for text, ids in zip(batch, tokenizer.encode_batch(list(batch)), strict=True):
                _count(measures, tokenizer, text, ids)
                returned = tokenizer.decode(ids) == tokenizer.normal_form(text)
                measures.come_back += returned
                lost = text if lost is None and not returned else lost
    return found, lost


def _count(measures: Measures, tokenizer: Tokenizer, text: str, ids: NDArray[np.uint32]) -> None:
    measures.texts += 1
    measures.bytes += len(well_formed(text).encode())
    measures.words += len(text.split())
    measures.tokens += len(ids)
    measures.unknown += int(np.count_nonzero(ids == tokenizer.unknown))
    measures.occurs[ids] = True


def rows(name: str, tokenizer: Tokenizer, found: Mapping[str, Measures]) -> list[dict[str, Any]]:
    """Return a table of statistics: a row for all sources together, and one per source."""
    together = Measures(tokenizer.size)
    for measures in found.values():
        together.add(measures)
    named = [(TOGETHER, together), *sorted(found.items())]
    shown = named if len(found) > 1 else named[:1]
    return [_row(name, tokenizer, source, measures) for source, measures in shown]


def _row(name: str, tokenizer: Tokenizer, source: str, measures: Measures) -> dict[str, Any]:
    ordinary = measures.occurs.copy()
    ordinary[tokenizer.special] = False
    entries = tokenizer.size - len(tokenizer.special)
    return {
        "tokenizer": name,
        "source": source,
        "texts": measures.texts,
        "bytes": measures.bytes,
        "tokens": measures.tokens,
        "bytes_per_token": _ratio(measures.bytes, measures.tokens),
        "tokens_per_word": _ratio(measures.tokens, measures.words),
        "unknown_share": _ratio(measures.unknown, measures.tokens),
        "vocabulary_used": _ratio(int(ordinary.sum()), entries),
        "come_back": _ratio(measures.come_back, measures.texts),
        "longest_tokens": _longest(tokenizer, np.flatnonzero(ordinary)),
    }


def _ratio(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def _longest(tokenizer: Tokenizer, ids: Iterable[int]) -> list[str]:
    """Return the longest tokens that occur."""
    # An entry may be longer than its text (a character per byte), never shorter.
    written = sorted(ids, key=lambda number: -len(str(tokenizer.text_of(int(number)))))
    texts = (tokenizer.decode([int(number)]) for number in written[: 8 * LONGEST])
    return sorted(texts, key=lambda text: (-len(text), text))[:LONGEST]
