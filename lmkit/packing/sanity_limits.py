"""Sanity limits on tokens, which natural text never exceeds.

A team trained for 17 hours on a corpus of which 99.99% were the unknown token. Nothing had failed:
the tokenizer didn't fit the text, and nobody checked.

Choices:
- Entropy is that of the tokens of one document, by the frequency of tokens in it. A document that
  repeats itself has very few bits per token, whatever the tokenizer. Noise has more bits per byte
  of its text than any script. So the lower limit is in bits per token, the upper in bits per byte.
  Of 2,000 files (books, web pages, code, the Declaration of Human Rights in 400 languages) split
  into kilobytes, with tokens from bytes to words, text has at least 1.8 bits per token; pages of
  HTML with pictures in base 64 have at most 6.2 bits per byte. Random ASCII has 6.6.
- Only documents of a kilobyte or more are tested for it: the entropy of "yes" is 0. Nor are those
  of which most is unknown: that has its own limit.
- One strange page in a million is no reason to reject the others. The limit is on the fraction of a
  source, and of all sources together; for a source of less than 1% of the text there is only a
  warning.
- Everything is a sum of integers, or a minimum, so no result depends on how the work was divided.
  Entropies are counted in steps of 0.1: a rejected run can be resumed with another limit.
- Sources are separate while there are few. Of many, the first ones by name are kept, and the rest
  is merged: no other choice is independent of the order in bounded memory.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.packing.options import LimitsConfig

MIN_ENTROPY_BYTES = 1_000
"""The entropy of shorter documents is too uncertain."""

MAX_SOURCES = 100
OTHERS = "(other sources)"
SMALL_SOURCE = 0.01
STEPS = 10
"""Entropies are counted in steps of a tenth."""

Worst = tuple[float, str]
"""A score, the smallest being the worst, and the id of the document."""


@dataclass
class Statistics:
    """Statistics of the documents of a source."""

    counts: Counter[str] = field(default_factory=Counter[str])
    """documents, tokens, bytes; of the tokens of text: text_tokens, unknown; of long documents:
    long_bytes; of the sample: decoded, undecoded."""
    bits_per_token: Counter[int] = field(default_factory=Counter[int])
    """Bytes of long documents, by tenths of a bit."""
    bits_per_byte: Counter[int] = field(default_factory=Counter[int])
    worst: dict[str, Worst] = field(default_factory=dict[str, Worst])

    def add(self, other: "Statistics") -> None:
        """Add the counts of another one."""
        self.counts.update(other.counts)
        self.bits_per_token.update(other.bits_per_token)
        self.bits_per_byte.update(other.bits_per_byte)
        for kind, found in other.worst.items():
            self.record_worst(kind, *found)

    def record_worst(self, kind: str, score: float, id: str) -> None:  # noqa: A002
        """Record a document if none is worse."""
        self.worst[kind] = min(self.worst.get(kind, (score, id)), (score, id))

    def entropy(self, bits: float, tokens: int, size: int, id: str) -> None:  # noqa: A002
        """Count the entropy of a document's tokens; `size` is that of its text in bytes."""
        per_byte = bits * tokens / size
        self.counts["long_bytes"] += size
        self.bits_per_token[floor(bits * STEPS)] += size
        self.bits_per_byte[ceil(per_byte * STEPS)] += size
        self.record_worst("regular", round(bits, 3), id)
        self.record_worst("random", -round(per_byte, 3), id)

    def to_json(self) -> dict[str, Any]:
        """Return it in the form of a receipt."""
        return {
            "counts": dict(self.counts),
            "bits_a_token": list(self.bits_per_token.items()),
            "bits_a_byte": list(self.bits_per_byte.items()),
            "worst": self.worst,
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> "Statistics":
        """Read the form that `to_json` returns."""
        return cls(
            Counter(facts["counts"]),
            Counter(dict(facts["bits_a_token"])),
            Counter(dict(facts["bits_a_byte"])),
            {kind: (found[0], found[1]) for kind, found in facts["worst"].items()},
        )


class StatisticsBySource:
    """Statistics by source; of many sources, the first ones by name."""

    def __init__(self, max_sources: int = MAX_SOURCES) -> None:
        self._max_sources = max_sources
        self._kept: dict[str, Statistics] = {}
        self._others = Statistics()
        self._last = ""
        """The last of the names that are kept, once their number has reached the limit."""

    def of(self, source: str) -> Statistics:
        """Return the statistics of a source, to count a document in."""
        if (known := self._kept.get(source)) is not None:
            return known
        if len(self._kept) == self._max_sources:
            if source > self._last:
                return self._others
            self._others.add(self._kept.pop(self._last))
        self._kept[source] = Statistics()
        if len(self._kept) == self._max_sources:
            self._last = max(self._kept)
        return self._kept[source]

    def add(self, facts: Mapping[str, Any]) -> None:
        """Add those of a receipt."""
        for source, statistics in facts["kept"].items():
            self.of(source).add(Statistics.from_json(statistics))
        self._others.add(Statistics.from_json(facts["others"]))

    def to_json(self) -> dict[str, Any]:
        """Return them in the form of a receipt."""
        kept = {source: statistics.to_json() for source, statistics in self._kept.items()}
        return {"kept": kept, "others": self._others.to_json()}

    def by_source(self) -> dict[str, Statistics]:
        """Return the statistics by name; the merged rest is last, if there is one."""
        kept = {source: self._kept[source] for source in sorted(self._kept)}
        return kept | ({OTHERS: self._others} if self._others.counts["documents"] else {})

    @classmethod
    def total(cls, parts: Iterable[Mapping[str, Any]]) -> "StatisticsBySource":
        """Sum those of several receipts."""
        result = cls()
        for facts in parts:
            result.add(facts)
        return result


@dataclass(frozen=True)
class Verdict:
    """What exceeds the limits: reasons to refuse the tokens, and warnings."""

    refused: list[str]
    warnings: list[str]
    hint: str


def entropy(ids: "NDArray[Any]") -> float:
    """Return the bits per token, from the frequencies of tokens.

    >>> import numpy as np
    >>> entropy(np.array([7, 7, 8, 9])), entropy(np.array([5, 5]))
    (1.5, 0.0)
    """
    # As numpy's unique does, in a third of its time for a kilobyte of text.
    in_order = np.sort(ids)
    begins = np.ones(len(ids) + 1, np.bool_)
    np.not_equal(in_order[1:], in_order[:-1], out=begins[1:-1])
    (edges,) = begins.nonzero()
    counts = edges[1:] - edges[:-1]
    frequencies = counts / len(ids)
    return abs(float((frequencies * np.log2(frequencies)).sum()))


def judge(by_source: Mapping[str, Statistics], limits: LimitsConfig) -> Verdict:
    """Compare the statistics with the limits."""
    total = Statistics()
    for statistics in by_source.values():
        total.add(statistics)
    refused: list[str] = []
    warnings: list[str] = []
    hints: list[str] = []
    together = [("all together", total)] if len(by_source) > 1 else []
    for source, statistics in [*together, *by_source.items()]:
        small = statistics.counts["bytes"] < SMALL_SOURCE * total.counts["bytes"]
        for check in _checks(source, statistics, limits):
            if check.exceeded and not small:
                refused.append(check.text)
                hints.append(check.hint)
            elif check.warn:
                warnings.append(check.text)
    return Verdict(refused, warnings, hints[0] if hints else "")


@dataclass(frozen=True)
class _Check:
    text: str
    hint: str
    exceeded: bool
    warn: bool


def _checks(source: str, statistics: Statistics, limits: LimitsConfig) -> Iterable[_Check]:
    counts, low_limit, high_limit = statistics.counts, limits.min_entropy, limits.max_entropy
    if limits.unknown_fraction is not None:
        fraction = counts["unknown"] / max(1, counts["text_tokens"])
        yield _Check(
            f"{source}: {fraction:.2%} of {counts['text_tokens']:,} tokens are unknown, at most "
            f"{limits.unknown_fraction:.0%} are allowed (--limits.unknown-fraction); "
            f"{_worst(statistics, 'unknown', 'has {:.0%}', -1)}",
            "the tokenizer doesn't fit this text: train one on it, or one with byte fallback; "
            "--limits.unknown-fraction none packs it as it is",
            exceeded=fraction > limits.unknown_fraction,
            warn=fraction > limits.unknown_fraction,
        )
    if low_limit is not None:
        low = sum(
            size
            for bits, size in statistics.bits_per_token.items()
            if bits < round(low_limit * STEPS)
        )
        yield _odd(
            (source, low, counts["long_bytes"], limits.odd_fraction),
            f"of the text is in documents with less than {low_limit} bits per token, which repeat "
            f"themselves (--limits.min-entropy); {_worst(statistics, 'regular', 'has {} bits')}",
            "inspect these documents; --limits.min-entropy none packs it as it is",
        )
    if high_limit is not None:
        high = sum(
            size
            for bits, size in statistics.bits_per_byte.items()
            if bits > round(high_limit * STEPS)
        )
        yield _odd(
            (source, high, counts["long_bytes"], limits.odd_fraction),
            f"of the text is in documents with more than {high_limit} bits per byte, as noise has "
            f"(--limits.max-entropy); {_worst(statistics, 'random', 'has {} bits', -1)}",
            "inspect these documents; --limits.max-entropy none packs it as it is",
        )
    if limits.decode_sample is not None:
        yield _odd(
            (source, counts["undecoded"], counts["decoded"], limits.odd_fraction),
            f"of {counts['decoded']:,} documents don't decode to their text "
            f"(--limits.decode-sample); {_worst(statistics, 'undecoded', 'is one')}",
            "the tokenizer loses text, or its decoder is missing: use another one; "
            "--limits.decode-sample none packs it as it is",
        )


def _odd(found: tuple[str, int, int, float | None], what: str, hint: str) -> _Check:
    """Compare a fraction with its limit; `found` is a source, a part, its total, and the limit."""
    source, part, total, high_limit = found
    fraction = part / max(1, total)
    limit = (
        ""
        if high_limit is None
        else f", at most {high_limit:.0%} is allowed (--limits.odd-fraction)"
    )
    text = f"{source}: {fraction:.2%} {what}{limit}"
    return _Check(
        text, hint, exceeded=high_limit is not None and fraction > high_limit, warn=part > 0
    )


def _worst(statistics: Statistics, kind: str, template: str, sign: int = 1) -> str:
    """Return the worst document and its score."""
    if kind not in statistics.worst:
        return "no document is"
    score, name = statistics.worst[kind]
    return f"document {name} " + template.format(sign * score)


def summary(by_source: Mapping[str, Statistics]) -> dict[str, dict[str, int]]:
    """Return the counts by source that a manifest records."""
    keys = ("documents", "tokens", "bytes")
    return {
        name: {key: statistics.counts[key] for key in keys}
        for name, statistics in by_source.items()
    }
