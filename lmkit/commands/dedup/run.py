"""Dedup: of all documents that have the same text, or nearly the same, keep one.

Choices:
- It runs a list of matchers, which share two readings: the first collects what they need, the
  second writes the documents that are kept. Each matcher defines what it compares.
- Which document is kept depends neither on the order of the inputs nor on tasks or workers.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial, reduce

from lmkit.artifacts.inputs import RECORDS, Inputs, find_documents, make_tasks, task_size
from lmkit.artifacts.manifest import Counts, Manifest, kept_line
from lmkit.artifacts.output_folder import OutputFolder, open_output
from lmkit.artifacts.tasks import Receipt
from lmkit.commands.dedup.options import DedupConfig
from lmkit.deduplication.clusters.cluster_counts import count_clusters
from lmkit.deduplication.crawl_index import Index, using_index
from lmkit.deduplication.document_table import DocumentTable, TaskParts
from lmkit.deduplication.examples import summary_of
from lmkit.deduplication.matcher import Matcher
from lmkit.deduplication.readings import CollectDocuments, WriteDocuments
from lmkit.deduplication.registry import index_settings, matchers_of
from lmkit.deduplication.summary import DedupRecord, summary_sections
from lmkit.execution.progress import log_message, warn
from lmkit.execution.tables import MAX_SOURCES, log_sections, shown
from lmkit.readers.dispatch import read_slice

SHOWN_EXAMPLES = 2


def dedup(config: DedupConfig) -> Manifest:
    """Write all inputs, without repeats, into the output folder."""
    matchers = matchers_of(config, with_index=config.index is not None)
    inputs = find_documents(
        config.inputs, config.inputs_from, formats=RECORDS, source=config.source
    )
    also_read = [(each, found) for each in matchers if (found := each.inputs())]
    with ExitStack() as stack:
        index = stack.enter_context(_index(config, inputs, matchers))
        others = [found for _, found in also_read] + ([index.inputs] if index else [])
        folder = stack.enter_context(
            open_output(config, reduce(Inputs.merged_with, others, inputs))
        )
        if folder.finished:
            if index and not index.itself:
                warn(f"{index.path}: it holds none of these documents; --overwrite adds them")
            return folder.finished
        if index:
            index.check(folder, config.workers)
        first = len(inputs.records)
        for matcher, found in also_read:
            matcher.prepare(folder, found.renumbered(first))
            first += len(found.records)
        return _deduplicate(config, inputs, matchers, index, folder)


def _deduplicate(
    config: DedupConfig,
    inputs: Inputs,
    matchers: Sequence[Matcher],
    index: Index | None,
    folder: OutputFolder,
) -> Manifest:
    tasks, workers = make_tasks(inputs.slices, config.shard_bytes), config.workers
    read = partial(read_slice, source=config.source, max_record=config.max_record)
    collect = CollectDocuments(read, config.keep, matchers)
    folder.run(
        "notes", collect, tasks, workers=workers, label="computing signatures", size=task_size
    )
    parts = TaskParts(index.table_parts if index else (), folder.scratch, len(tasks))
    documents = DocumentTable(parts, parts.older_parts)
    for position, matcher in enumerate(matchers):
        matcher.match(folder, documents, workers, matchers[:position])
    clusters = count_clusters(folder, matchers, documents, workers)
    write = WriteDocuments(read, matchers, documents, clusters.examples, config.output_format)
    receipts = folder.run(
        "documents", write, tasks, workers=workers, label="writing documents", size=task_size
    )
    found = summary_of(clusters, receipts)
    for matcher in matchers:
        found |= matcher.summarize(folder)
    _report(DedupRecord.model_validate(found), receipts)
    if index:
        added = index.add(folder, documents, workers)
        found["index"] = {"documents": index.documents, "added": added}
        log_message(f"{index.path}: compared with {index.documents:,} documents, added {added:,}")
    record = DedupRecord.model_validate(found)
    return folder.finish(Counts.total(receipt.counts for receipt in receipts), record.recorded())


def _index(
    config: DedupConfig, inputs: Inputs, matchers: Sequence[Matcher]
) -> AbstractContextManager[Index | None]:
    if not config.index:
        return nullcontext()
    return using_index(config.index, config.output, inputs, index_settings(config), matchers)


def _report(record: DedupRecord, receipts: Sequence[Receipt]) -> None:
    """Print a short summary of what was found."""
    log_sections(summary_sections(record, SHOWN_EXAMPLES))
    if same_ids := sum(receipt.facts["same_ids"] for receipt in receipts):
        warn(
            f"{same_ids:,} removed documents have the source and the id of the document that is "
            "kept for them: ids repeat; duplicates-*.jsonl.zst has the origin and offset of each"
        )


CUTS = ("line", "paragraph", "passage", "item")


def result_text(config: DedupConfig, manifest: Manifest) -> str:
    """Summarize what is kept, what was cut out of it, and what was found of each test set."""
    more = manifest.counts.more
    lines = [kept_line(config, manifest)]
    if more.get("documents_cut"):
        cuts = (f"{more[f'{kind}s_cut']:,} {kind}s" for kind in CUTS if more.get(f"{kind}s_cut"))
        lines.append(
            f"  cut {more['characters_cut']:,} characters out of {more['documents_cut']:,} "
            f"documents: {', '.join(cuts)}"
        )
    sets = DedupRecord.from_manifest(manifest, config.output).test_sets
    if found := [row.recorded() for row in sets if row.found]:
        lines.append(shown({"test_sets": found[:MAX_SOURCES]}))
    if sets:
        rest = len(sets) - min(len(found), MAX_SOURCES)
        items, too_short = sum(row.items for row in sets), sum(row.too_short for row in sets)
        lines.append(
            f"  searched for {items - too_short:,} of {items:,} items of {len(sets):,} test sets"
            f"{f'; {rest:,} more sets: see lmkit inspect' if found and rest else ''}"
            f"{'' if found else ', found none'}"
        )
    return "\n".join(lines)
