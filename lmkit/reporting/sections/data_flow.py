"""Documents: how many were read, dropped and kept, why, and examples of those that were dropped."""

from collections.abc import Mapping, Sequence
from typing import Any

from lmkit.filters.outcome_counts import CleanRecord, NamedCounts
from lmkit.reporting.escaped_html import (
    Html,
    element,
    folded,
    joined,
    paragraph,
    preformatted,
)
from lmkit.reporting.lineage import ShownFolder
from lmkit.reporting.report_data import ReportData, record_of
from lmkit.reporting.section import Section
from lmkit.reporting.svg_shapes import Bar, bars
from lmkit.reporting.tables_html import table

MAX_REASONS = 12
MAX_NAMES = 10
REASONS = {
    "empty": "nothing visible in it",
    "too_short": "too few characters",
    "too_few_letters": "too few letters",
    "too_repetitive": "too many repeated lines",
    "exact_duplicate": "the same text as another",
    "near_duplicate": "nearly the same as another",
    "language": "another language",
    "contaminated": "holds text of a test set",
}
"""What reasons mean, where their names alone don't say it."""


def data_flow(data: ReportData) -> Section | None:
    """Return the documents of each folder, by outcome, source and language."""
    folders = data.folders("clean", "dedup")
    if not folders:
        return None
    content = [
        paragraph(
            "What became of the documents: those that were kept are blue, those that were dropped "
            "are orange, each with the rule that dropped them."
        )
    ]
    for folder in folders:
        content += [element("h3", f"{folder.name} ({folder.opened.plan.stage})"), _funnel(folder)]
        if folder.opened.plan.stage == "clean" and folder.opened.manifest:
            content += _outcomes(folder)
    return Section("Documents", "documents", joined(content))


def _funnel(folder: ShownFolder) -> Html:
    counts = folder.opened.counts
    total = counts.documents_in or 1
    ordered = sorted(counts.dropped.items(), key=lambda pair: (-pair[1], pair[0]))
    shown, rest = ordered[:MAX_REASONS], sum(count for _, count in ordered[MAX_REASONS:])

    def bar(label: str, count: int, kind: str) -> Bar:
        share = f" ({count / total:.1%})" if kind != "read" else ""
        return Bar(label, count, f"{count:,}{share}", "kept" if kind == "read" else kind)

    rows = [bar("read", counts.documents_in, "read")]
    rows += [bar(_reason(name), count, "dropped") for name, count in shown]
    rows += [bar("other reasons", rest, "dropped")] if rest else []
    if counts.quarantined:
        rows.append(bar("could not be read", counts.quarantined, "quarantined"))
    rows.append(bar("kept", counts.documents_out, "kept"))
    label = f"{folder.name}: {'; '.join(f'{row.label} {row.note}' for row in rows)}"
    skipped = {
        name.removeprefix("skipped_"): count
        for name, count in counts.more.items()
        if name.startswith("skipped_")
    }
    note = [paragraph("Skipped, as they are no documents: ", _listed(skipped))] if skipped else []
    return joined([bars(rows, label), *note])


def _reason(name: str) -> str:
    return REASONS.get(name, name if "." in name else name.replace("_", " "))


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())


def _outcomes(folder: ShownFolder) -> list[Html]:
    """Return the outcomes by source and by language, and examples of what was dropped."""
    record = record_of(folder, CleanRecord)
    if record is None:
        return []
    shown: list[Html] = []
    for kind, rows in (("source", record.by_source), ("language", record.by_language)):
        if len(rows) > 1 or (rows and kind == "language" and rows[0].language != "unknown"):
            shown.append(table(_rows(kind, rows), f"by {kind}"))
    if record.dropped_examples:
        shown.append(folded("Examples of what was dropped", *_examples(record)))
    return shown


def _rows(kind: str, rows: Sequence[NamedCounts]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for row in rows[:MAX_NAMES]:
        most = sorted(row.dropped.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
        found.append(
            {
                kind: row.source if kind == "source" else row.language,
                "read": row.documents,
                "kept": row.out,
                "share": f"{row.out / row.documents:.1%}" if row.documents else "",
                "could not be read": row.quarantined,
                "dropped most by": ", ".join(f"{_reason(name)} {count:,}" for name, count in most),
            }
        )
    if rest := rows[MAX_NAMES:]:
        found.append({kind: f"and {sum(row.more or 1 for row in rest):,} more"})
    return found


def _examples(record: CleanRecord) -> list[Html]:
    content: list[Html] = []
    for example in record.dropped_examples:
        facts = f"{example.decided} — {example.source}, id {example.id}"
        content.append(element("p", element("b", _reason(example.rule)), ": ", facts))
        if example.text:
            content.append(preformatted(example.text))
    return content
