"""What became of all documents: by rule, by source, by language, and examples of what was dropped.

    {"by_rule": [{"rule", "documents", "share"}], "by_source": [{"source", "in", "out", "dropped"}],
     "by_language": [...], "dropped_examples": [{"rule", "source", "id", "decided", "text"}]}

Choices:
- It counts what a task writes, as it is written: its sums are those of the manifest.
- Examples are those with the smallest hash, so the same ones whatever the order and the tasks.
- Where there are very many sources, as where each page names its own, those with the smallest
  hashes are counted one by one: each from its first document on, so the counts are exact. The
  others are added up.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from heapq import heappop, heappush, nsmallest
from typing import Any

from lmkit.artifacts.documents_file import Document, Outcome, Rejected, Unreadable
from lmkit.execution.tables import listed
from lmkit.text.normalization import SURROGATES

EXAMPLES = 3
EXAMPLE_CHARACTERS = 300
MOST_NAMES = 10_000
LISTED = 100
SHOWN = 10
OUT, QUARANTINED = "out", "quarantined"
KEPT_APART = (OUT, QUARANTINED)
KINDS = ("source", "language")
Example = tuple[int, str, str, str, str]
"""Digest, source, id, what decided, and how the text begins."""


class Tally:
    """Counts what became of documents, by a name that each has."""

    def __init__(self, most: int = MOST_NAMES) -> None:
        self._most = most
        self._rows: dict[str, Counter[str]] = {}
        self._order: list[tuple[int, str]] = []
        """A heap of the names that have a row, the largest digest first."""
        self._others: Counter[str] = Counter()
        self._limit = 1 << 64
        """Names with a digest from here on have no row."""

    def add(self, name: str, result: str, count: int = 1) -> None:
        """Count a document, or some.

        >>> tally = Tally()
        >>> tally.add("books", "out", 2)
        >>> tally.report()
        [['books', {'out': 2}]]
        """
        row = self._rows.get(name)
        if row is None:
            row = self._begun(name)
        row[result] += count

    def _begun(self, name: str) -> Counter[str]:
        """Return a row for a name, or that of the others; another name may lose its own."""
        key = digest(name)
        if key >= self._limit:
            return self._others
        self._rows[name] = Counter()
        heappush(self._order, (-key, name))
        if len(self._rows) > self._most:
            largest, goes = heappop(self._order)
            self._others += self._rows.pop(goes)
            self._limit = -largest
        return self._rows.get(name, self._others)

    def report(self) -> list[list[Any]]:
        """Return names and counts; those without a row of their own have the name None."""
        rows: list[list[Any]] = [[name, dict(row)] for name, row in sorted(self._rows.items())]
        return [*rows, *([[None, dict(self._others)]] if self._others else [])]

    def read(self, report: Sequence[Sequence[Any]]) -> None:
        """Add what another has counted."""
        for name, counts in report:
            for result, count in counts.items():
                if name is None:
                    self._others[result] += count
                else:
                    self.add(name, result, count)


class Ledger:
    """Keeps account of the outcomes of a task."""

    def __init__(self, *, with_texts: bool = True) -> None:
        self._with_texts = with_texts
        self._tallies = {kind: Tally() for kind in KINDS}
        self._waiting: Counter[tuple[str, str, str]] = Counter()
        """Documents by source, language and result."""
        self._examples: dict[str, list[Example]] = {}

    def watched(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Pass outcomes on, and keep account of them."""
        for outcome in outcomes:
            if isinstance(outcome, Unreadable):
                names, result = (_whole(outcome.source), ""), QUARANTINED
            else:
                rejected = outcome if isinstance(outcome, Rejected) else None
                document = outcome if isinstance(outcome, Document) else outcome.document
                language = document.metadata.get("language")
                spoken = language if isinstance(language, str) else ""
                names = _whole(document.source), _whole(spoken)
                result = rejected.reason if rejected else OUT
                if rejected:
                    self._remember(rejected)
            self._waiting[*names, result] += 1
            if len(self._waiting) >= MOST_NAMES:
                self._settle()
            yield outcome

    def _settle(self) -> None:
        """Enter what was counted: a name is looked up once for many documents."""
        for (*names, result), count in self._waiting.items():
            for tally, name in zip(self._tallies.values(), names, strict=True):
                tally.add(name, result, count)
        self._waiting.clear()

    def _remember(self, rejected: Rejected) -> None:
        document, known = rejected.document, self._examples.setdefault(rejected.reason, [])
        key = digest(f"{document.source}\0{document.id}")
        if len(known) == EXAMPLES and key > known[-1][0]:
            return
        text = document.text[:EXAMPLE_CHARACTERS] if self._with_texts else ""
        decided = rejected.decided or rejected.reason
        told = map(_whole, (document.source, document.id, decided, text))
        known.append(_example((key, *told)))
        known.sort()
        del known[EXAMPLES:]

    def report(self) -> dict[str, Any]:
        """Return what goes into the receipt."""
        self._settle()
        tallies = {kind: tally.report() for kind, tally in self._tallies.items()}
        return {"tallies": tallies, "examples": self._examples}


def total_counts(reports: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Put together what tasks report, for the manifest."""
    tallies = {kind: Tally() for kind in KINDS}
    examples: dict[str, list[Example]] = {}
    for report in reports:
        for kind, tally in tallies.items():
            tally.read(report["tallies"][kind])
        for reason, found in report["examples"].items():
            known = examples.setdefault(reason, [])
            examples[reason] = nsmallest(EXAMPLES, [*known, *map(_example, found)])
    rows = {kind: tally.report() for kind, tally in tallies.items()}
    return {
        "by_rule": _by_rule(counts for _, counts in rows["source"]),
        **{f"by_{kind}": _by_name(kind, found) for kind, found in rows.items()},
        "dropped_examples": [
            {"rule": reason, "source": source, "id": key, "decided": decided}
            | ({"text": text} if text else {})
            for reason, found in sorted(examples.items())
            for _, source, key, decided, text in found
        ],
    }


def _example(found: Sequence[Any]) -> Example:
    key, source, name, decided, text = found
    return key, source, name, decided, text


def _by_rule(counts: Iterable[Mapping[str, int]]) -> list[dict[str, Any]]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    dropped = [(name, count) for name, count in total.items() if name not in KEPT_APART]
    return [
        {"rule": rule, "documents": count, "share": round(count / total.total(), 6)}
        for rule, count in sorted(dropped, key=lambda pair: (-pair[1], pair[0]))
    ]


def _by_name(kind: str, report: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """List the names with most documents, and the others as one."""
    rows = [
        {
            kind: name or ("unknown" if name == "" else "others"),
            "in": sum(counts.values()),
            "out": counts.get(OUT, 0),
            "quarantined": counts.get(QUARANTINED, 0),
            "dropped": {
                key: count for key, count in sorted(counts.items()) if key not in KEPT_APART
            },
        }
        for name, counts in report
    ]
    return listed(sorted(rows, key=lambda row: (-row["in"], row[kind])), LISTED)


def account(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return sections to show, from what the manifest holds.

    >>> account({"by_rule": [{"rule": "empty", "documents": 1, "share": 0.5}]})["by_rule"]
    [{'rule': 'empty', 'documents': 1, 'share': '50.0%'}]
    """
    rules = [row | {"share": f"{row['share']:.1%}"} for row in details.get("by_rule", [])]
    named = {key: listed(details.get(key, []), SHOWN) for key in ("by_source", "by_language")}
    return {
        "by_rule": rules,
        **{key: [_short(row) for row in rows] for key, rows in named.items()},
        "dropped_examples": details.get("dropped_examples", []),
    }


def _short(row: Mapping[str, Any]) -> dict[str, Any]:
    """Name the rules that dropped most."""
    most = sorted(row["dropped"].items(), key=lambda pair: (-pair[1], pair[0]))[:3]
    shown = {**row, "dropped": sum(row["dropped"].values()), "most_by": dict(most)}
    return {key: value for key, value in shown.items() if key != "more"}


def _whole(text: str) -> str:
    """Return a text as a manifest takes it: without half a surrogate pair."""
    return text if text.isascii() else SURROGATES.sub("\ufffd", text)


def digest(name: str) -> int:
    """Return what puts names into an order that has nothing to do with them."""
    data = name.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")
