"""Outcome counts of all documents: by rule, source and language, with examples of dropped ones.

    {"by_rule": [{"rule", "documents", "share"}], "by_source": [{"source", "in", "out", "dropped"}],
     "by_language": [...], "dropped_examples": [{"rule", "source", "id", "decided", "text"}],
     "by_format": [{"format", "files", "documents"}], "skipped_files": {".json": 2}}

Choices:
- Outcomes are counted as a task writes them: the sums equal those of the manifest.
- Examples are those with the smallest hash, so they don't depend on the order and the tasks.
- If there are very many sources, as when each page is a source, those with the smallest hashes are
  counted individually: each from its first document on, so the counts are exact. The others are
  added up.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from heapq import heappop, heappush, nsmallest
from typing import Any

from pydantic import Field

from lmkit.artifacts.documents_file import Document, Outcome, Rejected, Unreadable
from lmkit.artifacts.manifest import Details
from lmkit.execution.tables import limited_rows
from lmkit.text.normalization import SURROGATES

EXAMPLES = 3
EXAMPLE_CHARACTERS = 300
MAX_NAMES = 10_000
LISTED = 100
SHOWN = 10
OUT, QUARANTINED = "out", "quarantined"
NOT_DROPPED = (OUT, QUARANTINED)
KINDS = ("source", "language")
Example = tuple[int, str, str, str, str]
"""Digest, source, id, what decided, and the beginning of the text."""


class RuleCount(Details):
    """How many documents a rule has dropped, of all."""

    rule: str
    documents: int
    share: float


class NamedCounts(Details):
    """The outcomes of the documents of a source, or of those in a language."""

    source: str = ""
    language: str = ""
    """One of the two is set."""
    documents: int = Field(alias="in")
    out: int
    quarantined: int
    dropped: dict[str, int]
    """By rule."""
    more: int = 0
    """How many names this row adds up; only the last one may."""


class DroppedExample(Details):
    """A document that was dropped."""

    rule: str
    source: str
    id: str
    decided: str
    text: str = ""


class FormatCounts(Details):
    """What was read of a format."""

    format: str
    files: int
    documents: int


class CleanRecord(Details):
    """The details of a cleaned folder."""

    by_rule: tuple[RuleCount, ...] = ()
    by_source: tuple[NamedCounts, ...] = ()
    by_language: tuple[NamedCounts, ...] = ()
    dropped_examples: tuple[DroppedExample, ...] = ()
    by_format: tuple[FormatCounts, ...] = ()
    """Empty in folders of earlier versions, as what follows."""
    skipped_files: dict[str, int] = Field(default_factory=dict[str, int])
    """Files in the input folders that were skipped, by their ending."""

    def with_inputs(
        self, files: Mapping[str, int], documents: Mapping[str, int], skipped: Mapping[str, int]
    ) -> "CleanRecord":
        """Return the record with what was read by format, and the files that were skipped."""
        rows = [
            FormatCounts(format=name, files=files.get(name, 0), documents=documents.get(name, 0))
            for name in sorted(files.keys() | documents.keys())
        ]
        rows.sort(key=lambda row: -row.documents)
        found = {"by_format": tuple(rows), "skipped_files": dict(sorted(skipped.items()))}
        return self.model_copy(update=found)


class CountsByName:
    """Counts the results of documents by name: by source, or by language."""

    def __init__(self, max_names: int = MAX_NAMES) -> None:
        self._max_names = max_names
        self._rows: dict[str, Counter[str]] = {}
        self._order: list[tuple[int, str]] = []
        """A heap of the names that have a row, the largest digest first."""
        self._others: Counter[str] = Counter()
        self._limit = 1 << 64
        """Names with a digest from here on have no row."""

    def add(self, name: str, result: str, count: int = 1) -> None:
        """Count one document, or several.

        >>> by_name = CountsByName()
        >>> by_name.add("books", "out", 2)
        >>> by_name.report()
        [['books', {'out': 2}]]
        """
        row = self._rows.get(name)
        if row is None:
            row = self._row_for(name)
        row[result] += count

    def _row_for(self, name: str) -> Counter[str]:
        """Return the row of a name, or that of the others; another name may lose its row."""
        key = digest(name)
        if key >= self._limit:
            return self._others
        self._rows[name] = Counter()
        heappush(self._order, (-key, name))
        if len(self._rows) > self._max_names:
            largest, evicted = heappop(self._order)
            self._others += self._rows.pop(evicted)
            self._limit = -largest
        return self._rows.get(name, self._others)

    def report(self) -> list[list[Any]]:
        """Return names and counts; names without a row are added up under None."""
        rows: list[list[Any]] = [[name, dict(row)] for name, row in sorted(self._rows.items())]
        return [*rows, *([[None, dict(self._others)]] if self._others else [])]

    def add_report(self, report: Sequence[Sequence[Any]]) -> None:
        """Add the counts of another task."""
        for name, counts in report:
            for result, count in counts.items():
                if name is None:
                    self._others[result] += count
                else:
                    self.add(name, result, count)


class OutcomeCounts:
    """Counts the outcomes of a task."""

    def __init__(self, *, with_texts: bool = True) -> None:
        self._with_texts = with_texts
        self._by_kind = {kind: CountsByName() for kind in KINDS}
        self._waiting: Counter[tuple[str, str, str]] = Counter()
        """Documents by source, language and result."""
        self._examples: dict[str, list[Example]] = {}

    def counted(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Yield the outcomes, and count them."""
        for outcome in outcomes:
            if isinstance(outcome, Unreadable):
                names, result = (_without_surrogates(outcome.source), ""), QUARANTINED
            else:
                rejected = outcome if isinstance(outcome, Rejected) else None
                document = outcome if isinstance(outcome, Document) else outcome.document
                language = document.metadata.get("language")
                language_name = language if isinstance(language, str) else ""
                names = _without_surrogates(document.source), _without_surrogates(language_name)
                result = rejected.reason if rejected else OUT
                if rejected:
                    self._add_example(rejected)
            self._waiting[*names, result] += 1
            if len(self._waiting) >= MAX_NAMES:
                self._flush()
            yield outcome

    def _flush(self) -> None:
        """Add the buffered counts: a name is looked up once for many documents."""
        for (*names, result), count in self._waiting.items():
            for by_name, name in zip(self._by_kind.values(), names, strict=True):
                by_name.add(name, result, count)
        self._waiting.clear()

    def _add_example(self, rejected: Rejected) -> None:
        document, known = rejected.document, self._examples.setdefault(rejected.reason, [])
        key = digest(f"{document.source}\0{document.id}")
        if len(known) == EXAMPLES and key > known[-1][0]:
            return
        text = document.text[:EXAMPLE_CHARACTERS] if self._with_texts else ""
        decided = rejected.decided or rejected.reason
        printable = map(_without_surrogates, (document.source, document.id, decided, text))
        known.append(_example((key, *printable)))
        known.sort()
        del known[EXAMPLES:]

    def report(self) -> dict[str, Any]:
        """Return the counts, for the receipt."""
        self._flush()
        by_kind = {kind: by_name.report() for kind, by_name in self._by_kind.items()}
        return {"tallies": by_kind, "examples": self._examples}


def total_counts(reports: Iterable[Mapping[str, Any]]) -> CleanRecord:
    """Merge the reports of tasks, for the manifest."""
    by_kind = {kind: CountsByName() for kind in KINDS}
    examples: dict[str, list[Example]] = {}
    for report in reports:
        for kind, by_name in by_kind.items():
            by_name.add_report(report["tallies"][kind])
        for reason, found in report["examples"].items():
            known = examples.setdefault(reason, [])
            examples[reason] = nsmallest(EXAMPLES, [*known, *map(_example, found)])
    rows = {kind: by_name.report() for kind, by_name in by_kind.items()}
    found = {
        "by_rule": _by_rule(counts for _, counts in rows["source"]),
        **{f"by_{kind}": _by_name(kind, found) for kind, found in rows.items()},
        "dropped_examples": [
            {"rule": reason, "source": source, "id": key, "decided": decided}
            | ({"text": text} if text else {})
            for reason, found in sorted(examples.items())
            for _, source, key, decided, text in found
        ],
    }
    return CleanRecord.model_validate(found)


def _example(found: Sequence[Any]) -> Example:
    key, source, name, decided, text = found
    return key, source, name, decided, text


def _by_rule(counts: Iterable[Mapping[str, int]]) -> list[dict[str, Any]]:
    total: Counter[str] = Counter()
    for of_source in counts:
        total.update(of_source)
    dropped = [(name, count) for name, count in total.items() if name not in NOT_DROPPED]
    return [
        {"rule": rule, "documents": count, "share": round(count / total.total(), 6)}
        for rule, count in sorted(dropped, key=lambda pair: (-pair[1], pair[0]))
    ]


def _by_name(kind: str, report: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """List the names with the most documents, and the sum of the others."""
    rows = [
        {
            kind: name or ("unknown" if name == "" else "others"),
            "in": sum(counts.values()),
            "out": counts.get(OUT, 0),
            "quarantined": counts.get(QUARANTINED, 0),
            "dropped": {
                key: count for key, count in sorted(counts.items()) if key not in NOT_DROPPED
            },
        }
        for name, counts in report
    ]
    return limited_rows(sorted(rows, key=lambda row: (-row["in"], row[kind])), LISTED)


def outcome_sections(record: CleanRecord) -> dict[str, Any]:
    """Return sections to print, from the record of a cleaned folder.

    >>> record = CleanRecord(by_rule=(RuleCount(rule="empty", documents=1, share=0.5),))
    >>> outcome_sections(record)["by_rule"]
    [{'rule': 'empty', 'documents': 1, 'share': '50.0%'}]
    """
    named = {"by_source": record.by_source, "by_language": record.by_language}
    return {
        "by_rule": [row.recorded() | {"share": f"{row.share:.1%}"} for row in record.by_rule],
        **{
            key: [_short(row) for row in limited_rows([each.recorded() for each in rows], SHOWN)]
            for key, rows in named.items()
        },
        "by_format": [row.recorded() for row in record.by_format],
        "skipped_files": {name or "without": n for name, n in record.skipped_files.items()},
        "dropped_examples": [example.recorded() for example in record.dropped_examples],
    }


def _short(row: Mapping[str, Any]) -> dict[str, Any]:
    """Name the rules that dropped the most documents."""
    max_names = sorted(row["dropped"].items(), key=lambda pair: (-pair[1], pair[0]))[:3]
    shown = {**row, "dropped": sum(row["dropped"].values()), "most_by": dict(max_names)}
    return {key: value for key, value in shown.items() if key != "more"}


def _without_surrogates(text: str) -> str:
    """Replace unpaired surrogates, which can't be written to a manifest."""
    return text if text.isascii() else SURROGATES.sub("\ufffd", text)


def digest(name: str) -> int:
    """Return a hash that puts names into a pseudo-random order."""
    data = name.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")
