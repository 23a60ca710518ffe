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

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.manifest import Details
from lmkit.text.surrogates import well_formed
from lmkit.tokenizers.tokenizer import Tokenizer

LONGEST_TOKENS = 5
ALL_SOURCES = "all"
"""The label for all sources together."""
OTHERS = "other sources"
MAX_SOURCES = 50
BATCH = 64


class ReportRow(Details):
    """Statistics of a tokenizer on the texts of a source, or of all sources."""

    tokenizer: str
    source: str
    texts: int
    bytes: int
    tokens: int
    bytes_per_token: float
    tokens_per_word: float
    unknown_share: float
    vocabulary_used: float
    come_back: float
    longest_tokens: tuple[str, ...]


class TokenizerRecord(Details):
    """The details of a tokenizer's folder."""

    algorithm: str
    vocabulary_size: int
    lacks: tuple[str, ...] = ()
    """What is missing in a tokenizer that was imported."""
    report: tuple[ReportRow, ...] = ()
    """The rows of all sources together: of this tokenizer, and of the one it is compared with."""


@dataclass
class TokenizerStatistics:
    """Counts on some texts; they can be added up."""

    vocabulary_size: int
    texts: int = 0
    bytes: int = 0
    words: int = 0
    tokens: int = 0
    unknown: int = 0
    round_trips: int = 0
    occurs: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.occurs = np.zeros(self.vocabulary_size, np.bool_)

    def add(self, other: "TokenizerStatistics") -> None:
        """Add the counts of other texts."""
        for name in ("texts", "bytes", "words", "tokens", "unknown", "round_trips"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.occurs |= other.occurs


def merge_small_sources(
    texts: Mapping[str, Sequence[str]], max_sources: int = MAX_SOURCES
) -> dict[str, list[str]]:
    """Merge the texts of all but the largest sources: a crawl may have a million.

    >>> merge_small_sources({"a": ["one"], "b": ["two", "three"], "c": ["4"]}, max_sources=2)
    {'b': ['two', 'three'], 'other sources': ['one', '4']}
    """
    if len(texts) <= max_sources:
        return {source: list(source_texts) for source, source_texts in texts.items()}
    by_size = sorted(texts, key=lambda source: (-sum(map(len, texts[source])), source))
    kept = {source: list(texts[source]) for source in by_size[: max_sources - 1]}
    kept[OTHERS] = [text for source in by_size[max_sources - 1 :] for text in texts[source]]
    return kept


def statistics_by_source(
    tokenizer: Tokenizer, texts: Mapping[str, Sequence[str]]
) -> tuple[dict[str, TokenizerStatistics], str | None]:
    """Return the counts by source, and the first text that fails the round trip."""
    found: dict[str, TokenizerStatistics] = {}
    not_restored: str | None = None
    for source, source_texts in texts.items():
        statistics = found.setdefault(source, TokenizerStatistics(tokenizer.size))
        for start in range(0, len(source_texts), BATCH):
            batch = source_texts[start : start + BATCH]
            for text, ids in zip(batch, tokenizer.encode_batch(list(batch)), strict=True):
                _count(statistics, tokenizer, text, ids)
                restored = tokenizer.decode(ids) == tokenizer.normal_form(text)
                statistics.round_trips += restored
                not_restored = text if not_restored is None and not restored else not_restored
    return found, not_restored


def _count(
    statistics: TokenizerStatistics, tokenizer: Tokenizer, text: str, ids: NDArray[np.uint32]
) -> None:
    statistics.texts += 1
    statistics.bytes += len(well_formed(text).encode())
    statistics.words += len(text.split())
    statistics.tokens += len(ids)
    statistics.unknown += int(np.count_nonzero(ids == tokenizer.unknown))
    statistics.occurs[ids] = True


def rows(
    name: str, tokenizer: Tokenizer, found: Mapping[str, TokenizerStatistics]
) -> list[ReportRow]:
    """Return a table of statistics: a row for all sources together, and one per source."""
    together = TokenizerStatistics(tokenizer.size)
    for statistics in found.values():
        together.add(statistics)
    named = [(ALL_SOURCES, together), *sorted(found.items())]
    shown = named if len(found) > 1 else named[:1]
    return [_row(name, tokenizer, source, statistics) for source, statistics in shown]


def _row(
    name: str, tokenizer: Tokenizer, source: str, statistics: TokenizerStatistics
) -> ReportRow:
    ordinary = statistics.occurs.copy()
    ordinary[tokenizer.special] = False
    entries = tokenizer.size - len(tokenizer.special)
    return ReportRow(
        tokenizer=name,
        source=source,
        texts=statistics.texts,
        bytes=statistics.bytes,
        tokens=statistics.tokens,
        bytes_per_token=_ratio(statistics.bytes, statistics.tokens),
        tokens_per_word=_ratio(statistics.tokens, statistics.words),
        unknown_share=_ratio(statistics.unknown, statistics.tokens),
        vocabulary_used=_ratio(int(ordinary.sum()), entries),
        come_back=_ratio(statistics.round_trips, statistics.texts),
        longest_tokens=tuple(_longest(tokenizer, np.flatnonzero(ordinary))),
    )


def _ratio(part: int, total: int) -> float:
    return round(part / total, 6) if total else 0.0


def _longest(tokenizer: Tokenizer, ids: Iterable[int]) -> list[str]:
    """Return the longest tokens that occur."""
    # An entry may be longer than its text (a character per byte), never shorter.
    written = sorted(ids, key=lambda number: -len(str(tokenizer.text_of(int(number)))))
    texts = (tokenizer.decode([int(number)]) for number in written[: 8 * LONGEST_TOKENS])
    return sorted(texts, key=lambda text: (-len(text), text))[:LONGEST_TOKENS]
