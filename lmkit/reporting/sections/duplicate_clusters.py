"""Duplicates by the size of their clusters, which sources repeat each other, and examples."""

from itertools import pairwise

from lmkit.deduplication.summary import DedupRecord, summary_sections
from lmkit.reporting.escaped_html import Html, element, folded, joined, paragraph, preformatted
from lmkit.reporting.lineage import ShownFolder
from lmkit.reporting.report_data import ReportData, record_of
from lmkit.reporting.section import Section
from lmkit.reporting.svg_shapes import Bar, bars
from lmkit.reporting.tables_html import table

EDGES = (2, 3, 4, 5, 10, 20, 50, 100, 1_000, 10_000, 1 << 62)


def duplicate_clusters(data: ReportData) -> Section | None:
    """Return the clusters of each deduplicated folder, and what was found of test sets."""
    content: list[Html] = []
    for folder in data.folders("dedup"):
        if record := record_of(folder, DedupRecord):
            content += _of_folder(folder, record)
    if not content:
        return None
    intro = paragraph(
        "A cluster is a text and everything that repeats it: one document of it is kept. Large "
        "clusters are often licences, menus or mirrors."
    )
    return Section("Duplicates and test sets", "duplicates", joined([intro, *content]))


def _of_folder(folder: ShownFolder, record: DedupRecord) -> list[Html]:
    content = [element("h3", folder.name)]
    if record.clusters:
        rows = _by_size({int(size): count for size, count in record.clusters.items()})
        label = f"Clusters by size: {'; '.join(f'{row.label}: {row.note}' for row in rows)}"
        content.append(bars(rows, label))
        largest = [row.recorded() for row in record.largest_clusters]
        content.append(folded("The largest clusters", table(largest, "The kept documents")))
    else:
        content.append(paragraph("No document repeats another."))
    pairs = summary_sections(record)["duplicates"]
    if pairs:
        content.append(folded("Which sources repeat which", table(pairs)))
    if record.examples:
        content.append(folded("Documents that are nearly the same", *_examples(record)))
    if record.test_sets:
        content += [element("h3", f"Test sets in {folder.name}"), _test_sets(record)]
    return content


def _by_size(clusters: dict[int, int]) -> list[Bar]:
    """Return a bar for each range of sizes that occurs."""
    rows: list[Bar] = []
    for low, after in pairwise(EDGES):
        inside = {size: count for size, count in clusters.items() if low <= size < after}
        if not inside:
            continue
        count, documents = sum(inside.values()), sum(size * n for size, n in inside.items())
        name = f"{low}" if after == low + 1 else f"{low:,} to {after - 1:,}"
        name = f"{low:,} or more" if after == EDGES[-1] else name
        rows.append(Bar(f"{name} documents", count, f"{count:,} clusters, {documents:,} documents"))
    return rows


def _examples(record: DedupRecord) -> list[Html]:
    content: list[Html] = []
    for each in record.examples:
        kept, like = each.kept, each.like
        head = (
            f"similarity {each.similarity:g}: kept {kept.source} {kept.id}, dropped {like.source} "
            f"{like.id}; what differs is in double brackets"
        )
        content += [element("p", head), preformatted(each.its_text), preformatted(each.text)]
    return content


def _test_sets(record: DedupRecord) -> Html:
    rows = [
        {
            "test set": row.set,
            "items": row.items,
            "found in the documents": row.found,
            "share": f"{row.share:.2%}",
            "documents": row.documents,
            "too short to search for": row.too_short,
        }
        for row in sorted(record.test_sets, key=lambda row: (-row.share, row.set))
    ]
    note = paragraph(
        "Items of test sets whose text stands in the training documents: scores on them would "
        "measure memory."
    )
    return joined([note, table(rows)])
