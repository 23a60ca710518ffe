"""Packing: sequences, padding, bytes per token, and what was held out."""

from lmkit.packing.packed_record import PackedRecord
from lmkit.reporting.escaped_html import Html, element, joined, paragraph
from lmkit.reporting.lineage import ShownFolder
from lmkit.reporting.report_data import ReportData, record_of
from lmkit.reporting.section import Section
from lmkit.reporting.tables_html import table

SPLITS = ("train", "validation")


def packed_sequences(data: ReportData) -> Section | None:
    """Return the splits and sources of each packed folder."""
    content: list[Html] = []
    for folder in data.folders("pack"):
        if record := record_of(folder, PackedRecord):
            content += _of_folder(folder, record)
    if not content:
        return None
    intro = paragraph(
        "Documents become sequences of one length, which is what a model reads at a time. Padding "
        "is room that no text fills; a document that is cut goes on in another sequence."
    )
    return Section("Packing", "packing", joined([intro, *content]))


def _of_folder(folder: ShownFolder, record: PackedRecord) -> list[Html]:
    rows: list[dict[str, object]] = []
    for name in SPLITS:
        if split := record.split(name):
            rows.append(
                {
                    "split": name,
                    "documents": split.documents,
                    "tokens": split.tokens,
                    "bytes": split.bytes_of_text,
                    "bytes per token": round(split.bytes_of_text / max(1, split.tokens), 3),
                    "sequences": split.rows,
                    "padding": f"{split.padding_share:.2%}",
                    "documents cut": split.cut,
                }
            )
    total = sum(source["tokens"] for source in record.sources.values()) or 1
    sources = [
        {
            "source": name,
            "share of tokens": f"{found['tokens'] / total:.1%}",
            "documents": found["documents"],
            "tokens": found["tokens"],
            "bytes per token": round(found["bytes"] / max(1, found["tokens"]), 3),
        }
        for name, found in sorted(record.sources.items(), key=lambda pair: -pair[1]["tokens"])
    ]
    title = f"{folder.name}: sequences of {record.sequence_length:,} tokens, {record.packing}"
    content = [element("h3", title), table(rows)]
    return [*content, table(sources, "by source")] if len(sources) > 1 else content
