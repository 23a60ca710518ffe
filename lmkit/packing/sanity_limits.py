"""What tokens must not look like: limits that no natural text meets.

A team trained for 17 hours on a corpus of which 99.99% were the unknown token. Nothing had failed:
the tokenizer didn't fit the text, and nobody looked.

Choices:
- Entropy is that of the tokens of one document, by how often each occurs in it. A document that
  says the same over and over has hardly any bits a token, whatever the tokenizer. One that is
  noise has more bits a byte of its text than any script. So the lower limit is in bits a token, the
  upper in bits a byte. Of 2,000 files (books, web pages, code, the Declaration of Human Rights in
  400 languages) cut in kilobytes, with tokens from bytes to words, text has at least 1.8 bits a
  token; pages of HTML with pictures in base 64 have at most 6.2 bits a byte. Random ASCII has 6.6.
- Only documents of a kilobyte or more are judged by it: the entropy of "yes" is 0. Nor are those
  of which most is unknown: that has a limit of its own.
- One strange page in a million is no reason to refuse the others. What is limited is the share of
  a source, and of all together; a source of less than 1% of the text is only told of.
- Everything is a sum of whole numbers, or a smallest one, so no result depends on how the work was
  cut. Entropies are counted in steps of 0.1: a run that was refused may go on with another limit.
- Sources are kept apart while there are few. Of many, those are kept that come first by name, and
  the rest is one: no other choice is the same for every order in bounded memory.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.packing.options import LimitsConfig

LONG_BYTES = 1_000
"""Documents of less say too little about their entropy."""

MOST_SOURCES = 100
OTHERS = "(other sources)"
SMALL_SOURCE = 0.01
STEPS = 10
"""Entropies are counted in steps of a tenth."""

Worst = tuple[float, str]
"""How bad, the smallest being the worst, and the id of the document."""


@dataclass
class Tally:
    """What the documents of a source add up to."""

    counts: Counter[str] = field(default_factory=Counter[str])
    """documents, tokens, bytes; of the tokens of text: text_tokens, unknown; of long documents:
    long_bytes; of the sample: decoded, undecoded."""
    bits_a_token: Counter[int] = field(default_factory=Counter[int])
    """Bytes of long documents, by tenths of a bit."""
    bits_a_byte: Counter[int] = field(default_factory=Counter[int])
    worst: dict[str, Worst] = field(default_factory=dict[str, Worst])

    def add(self, other: "Tally") -> None:
        """Add what another one has counted."""
        self.counts.update(other.counts)
        self.bits_a_token.update(other.bits_a_token)
        self.bits_a_byte.update(other.bits_a_byte)
        for kind, found in other.worst.items():
            self.blame(kind, *found)

    def blame(self, kind: str, badness: float, id: str) -> None:  # noqa: A002
        """Remember a document if none is worse."""
        self.worst[kind] = min(self.worst.get(kind, (badness, id)), (badness, id))

    def entropy(self, bits: float, tokens: int, size: int, id: str) -> None:  # noqa: A002
        """Enter the entropy of a document's tokens; `size` is its text's in bytes."""
        a_byte = bits * tokens / size
        self.counts["long_bytes"] += size
        self.bits_a_token[floor(bits * STEPS)] += size
        self.bits_a_byte[ceil(a_byte * STEPS)] += size
        self.blame("regular", round(bits, 3), id)
        self.blame("random", -round(a_byte, 3), id)

    def to_json(self) -> dict[str, Any]:
        """Return it as a receipt holds it."""
        return {
            "counts": dict(self.counts),
            "bits_a_token": list(self.bits_a_token.items()),
            "bits_a_byte": list(self.bits_a_byte.items()),
            "worst": self.worst,
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> "Tally":
        """Read what `to_json` has written."""
        return cls(
            Counter(facts["counts"]),
            Counter(dict(facts["bits_a_token"])),
            Counter(dict(facts["bits_a_byte"])),
            {kind: (found[0], found[1]) for kind, found in facts["worst"].items()},
        )


class StatisticsBySource:
    """Tallies by source; of many sources, those that come first by name."""

    def __init__(self, most: int = MOST_SOURCES) -> None:
        self._most = most
        self._kept: dict[str, Tally] = {}
        self._others = Tally()
        self._last = ""
        """The last name of those kept, once they are full."""

    def of(self, source: str) -> Tally:
        """Return the tally to count a document of a source in."""
        if (known := self._kept.get(source)) is not None:
            return known
        if len(self._kept) == self._most:
            if source > self._last:
                return self._others
            self._others.add(self._kept.pop(self._last))
        self._kept[source] = Tally()
        if len(self._kept) == self._most:
            self._last = max(self._kept)
        return self._kept[source]

    def add(self, facts: Mapping[str, Any]) -> None:
        """Add those of a receipt."""
        for source, tally in facts["kept"].items():
            self.of(source).add(Tally.from_json(tally))
        self._others.add(Tally.from_json(facts["others"]))

    def to_json(self) -> dict[str, Any]:
        """Return them as a receipt holds them."""
        kept = {source: tally.to_json() for source, tally in self._kept.items()}
        return {"kept": kept, "others": self._others.to_json()}

    def by_source(self) -> dict[str, Tally]:
        """Return the tallies by name; the rest comes last, if there is one."""
        kept = {source: self._kept[source] for source in sorted(self._kept)}
        return kept | ({OTHERS: self._others} if self._others.counts["documents"] else {})

    @classmethod
    def total(cls, parts: Iterable[Mapping[str, Any]]) -> "StatisticsBySource":
        """Add up those of several receipts."""
        tallies = cls()
        for facts in parts:
            tallies.add(facts)
        return tallies


@dataclass(frozen=True)
class Verdict:
    """What is beyond the limits: enough to refuse, or only to tell."""

    refused: list[str]
    told: list[str]
    hint: str


def entropy(ids: "NDArray[Any]") -> float:
    """Bits a token, by how often each token occurs.

    >>> import numpy as np
    >>> entropy(np.array([7, 7, 8, 9])), entropy(np.array([5, 5]))
    (1.5, 0.0)
    """
    _, counts = np.unique(ids, return_counts=True)
    shares = counts / len(ids)
    return abs(float((shares * np.log2(shares)).sum()))


def judge(by_source: Mapping[str, Tally], limits: LimitsConfig) -> Verdict:
    """Compare what was counted with the limits."""
    total = Tally()
    for tally in by_source.values():
        total.add(tally)
    refused: list[str] = []
    told: list[str] = []
    hints: list[str] = []
    together = [("all together", total)] if len(by_source) > 1 else []
    for source, tally in [*together, *by_source.items()]:
        small = tally.counts["bytes"] < SMALL_SOURCE * total.counts["bytes"]
        for finding in _findings(source, tally, limits):
            if finding.beyond and not small:
                refused.append(finding.text)
                hints.append(finding.hint)
            elif finding.some:
                told.append(finding.text)
    return Verdict(refused, told, hints[0] if hints else "")


@dataclass(frozen=True)
class _Finding:
    text: str
    hint: str
    beyond: bool
    some: bool


def _findings(source: str, tally: Tally, limits: LimitsConfig) -> Iterable[_Finding]:
    counts, least, most = tally.counts, limits.min_entropy, limits.max_entropy
    if limits.unknown_fraction is not None:
        share = counts["unknown"] / max(1, counts["text_tokens"])
        yield _Finding(
            f"{source}: {share:.2%} of {counts['text_tokens']:,} tokens are unknown, at most "
            f"{limits.unknown_fraction:.0%} may be (--limits.unknown-fraction); "
            f"{_worst(tally, 'unknown', 'has {:.0%}', -1)}",
            "the tokenizer doesn't fit this text: train one on it, or one that falls back to "
            "bytes; --limits.unknown-fraction none packs it as it is",
            beyond=share > limits.unknown_fraction,
            some=share > limits.unknown_fraction,
        )
    if least is not None:
        low = sum(size for bits, size in tally.bits_a_token.items() if bits < round(least * STEPS))
        yield _odd(
            (source, low, counts["long_bytes"], limits.odd_fraction),
            f"of the text is in documents with less than {least} bits a token, which repeat "
            f"themselves (--limits.min-entropy); {_worst(tally, 'regular', 'has {} bits')}",
            "see what is in there; --limits.min-entropy none packs it as it is",
        )
    if most is not None:
        high = sum(size for bits, size in tally.bits_a_byte.items() if bits > round(most * STEPS))
        yield _odd(
            (source, high, counts["long_bytes"], limits.odd_fraction),
            f"of the text is in documents with more than {most} bits a byte, as noise has "
            f"(--limits.max-entropy); {_worst(tally, 'random', 'has {} bits', -1)}",
            "see what is in there; --limits.max-entropy none packs it as it is",
        )
    if limits.decode_sample is not None:
        yield _odd(
            (source, counts["undecoded"], counts["decoded"], limits.odd_fraction),
            f"of {counts['decoded']:,} documents don't decode to their text "
            f"(--limits.decode-sample); {_worst(tally, 'undecoded', 'is one')}",
            "the tokenizer loses text, or its decoder is missing: take another one; "
            "--limits.decode-sample none packs it as it is",
        )


def _odd(found: tuple[str, int, int, float | None], what: str, hint: str) -> _Finding:
    """Compare a part with a whole; `found` is a source, both, and the most that may be."""
    source, part, whole, most = found
    share = part / max(1, whole)
    limit = "" if most is None else f", at most {most:.0%} may be (--limits.odd-fraction)"
    text = f"{source}: {share:.2%} {what}{limit}"
    return _Finding(text, hint, beyond=most is not None and share > most, some=part > 0)


def _worst(tally: Tally, kind: str, says: str, sign: int = 1) -> str:
    """Name the worst document and say how bad it is."""
    if kind not in tally.worst:
        return "no document is"
    badness, name = tally.worst[kind]
    return f"document {name} " + says.format(sign * badness)


def summary(by_source: Mapping[str, Tally]) -> dict[str, dict[str, int]]:
    """Return what a manifest says of each source."""
    keys = ("documents", "tokens", "bytes")
    return {name: {key: tally.counts[key] for key in keys} for name, tally in by_source.items()}
