"""Dedup: of all documents that have the same text, or nearly the same, keep one.

Choices:
- It runs a list of matchers, which share two readings: the first collects what they need, the
  second writes the documents that are kept. Each matcher defines what it compares.
- Which document is kept depends neither on the order of the inputs nor on tasks or workers.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial, reduce
from glob import glob
from pathlib import Path
from typing import Any, NamedTuple

from lmkit.artifacts.documents_file import (
    Document,
    JsonLinesFile,
    Outcome,
    Rejected,
    Unreadable,
    write_outcomes,
)
from lmkit.artifacts.inputs import Inputs, Slice, find_documents, make_tasks
from lmkit.artifacts.manifest import Counts, Manifest, kept_line
from lmkit.artifacts.output_folder import OutputFolder, open_output
from lmkit.artifacts.tasks import TaskWriter
from lmkit.commands.dedup.options import DedupConfig
from lmkit.deduplication.crawl_index import Index, Verdict, using_index
from lmkit.deduplication.cut_spans import applying_cuts
from lmkit.deduplication.decontamination import Decontaminator, prepare_items
from lmkit.deduplication.document_table import DocumentTable, writing_document_keys
from lmkit.deduplication.exact import Exact, SameUrl
from lmkit.deduplication.examples import ExampleCollector, summary_of, write_examples
from lmkit.deduplication.keep_policy import location_of
from lmkit.deduplication.matcher import Matcher, Transform, tables_of
from lmkit.deduplication.near_duplicates import NearDuplicates
from lmkit.deduplication.removal_table import NO_REPRESENTATIVE, Verdicts, duplicates_in, removed_in
from lmkit.deduplication.repeated_spans import RepeatedSpans
from lmkit.deduplication.summary import Sections, summary_sections
from lmkit.errors import InputError, LmkitError
from lmkit.execution.progress import log_message, warn
from lmkit.execution.tables import MAX_SOURCES, plain, shown
from lmkit.readers.dispatch import read_slice
from lmkit.readers.test_sets import read_items

SHOWN_EXAMPLES = 2


class Duplicate(NamedTuple):
    """A document that is removed."""

    id: str
    source: str
    reason: str
    kept: int
    similarity: float
    location: dict[str, Any]


def matchers_of(config: DedupConfig) -> list[Matcher]:
    """Return the matchers, each of which ignores what those before it have removed."""
    all_matchers: list[tuple[object, Matcher]] = [
        (config.decontamination.against, Decontaminator(config.decontamination)),
        (config.url, SameUrl(config.keep)),
        (True, Exact(config.keep)),
        (config.minhash.action, NearDuplicates(config.minhash, config.keep)),
        (config.repeats.chosen, RepeatedSpans(config.repeats, config.keep)),
    ]
    return [matcher for enabled, matcher in all_matchers if enabled]


def dedup(config: DedupConfig) -> Manifest:
    """Write all inputs, without repeats, into the output folder."""
    inputs = find_documents(
        config.inputs, config.inputs_from, formats=("jsonl",), source=config.source
    )
    tests = _find_tests(config.decontamination.against)
    with ExitStack() as stack:
        index = stack.enter_context(_index(config, inputs))
        read = [extra for extra in (tests, index and index.inputs) if extra]
        folder = stack.enter_context(open_output(config, reduce(Inputs.merged_with, read, inputs)))
        if folder.finished:
            if index and not index.itself:
                warn(f"{index.path}: it holds none of these documents; --overwrite adds them")
            return folder.finished
        return _deduplicate(config, inputs, tests, index, folder)


def _deduplicate(
    config: DedupConfig,
    inputs: Inputs,
    tests: Inputs | None,
    index: "Index | None",
    folder: OutputFolder,
) -> Manifest:
    if index:
        index.check()
    if tests:
        prepare = partial(_prepare_tests, config)
        folder.run("items", prepare, [tests.renumbered(len(inputs.records))], label="test sets")
    tasks, matchers = make_tasks(inputs.slices, config.shard_bytes), matchers_of(config)
    collect = partial(_collect, config, matchers)
    folder.run("notes", collect, tasks, workers=config.workers, label="comparing")
    older = index.table_parts if index else []
    new = [(folder.scratch, number) for number in range(len(tasks))]
    documents = DocumentTable((*older, *new), len(older))
    for position, matcher in enumerate(matchers):
        matcher.match(folder, documents, config.workers, matchers[:position])
    choose = partial(_choose_examples, matchers)
    chosen, *_ = folder.run("audit", choose, [documents], label="choosing examples")
    write = partial(_write, config, matchers, documents, chosen.facts["examples"])
    receipts = folder.run("documents", write, tasks, workers=config.workers, label="writing")
    details = summary_of(chosen, receipts)
    _print_summary(details)
    if same_ids := sum(receipt.facts["same_ids"] for receipt in receipts):
        warn(
            f"{same_ids:,} removed documents have the source and the id of the document that is "
            "kept for them: ids repeat; duplicates-*.jsonl.zst has the origin and offset of each"
        )
    details |= {
        name: fact for matcher in matchers for name, fact in matcher.summarize(folder).items()
    }
    if index:
        added = index.add(documents, _verdicts(matchers, documents, folder.scratch))
        details["index"] = {"documents": index.documents, "added": added}
        log_message(f"{index.path}: compared with {index.documents:,} documents, added {added:,}")
    return folder.finish(Counts.total(receipt.counts for receipt in receipts), details)


def _index(config: DedupConfig, inputs: Inputs) -> "AbstractContextManager[Index | None]":
    if not config.index:
        return nullcontext()

    return using_index(config.index, config.output, inputs, config.compared)


def _verdicts(
    matchers: Sequence[Matcher], documents: "DocumentTable", partial: Path
) -> "list[Verdict]":
    """Return which documents of each task are removed, and which are only labelled."""
    tasks = map(documents.of_task, range(len(documents.parts) - documents.older))
    removed = [table for _, table in tables_of(matchers, partial)]
    found = [table for matcher in matchers if (table := matcher.duplicates(partial))]
    return [(removed_in(removed, *task), duplicates_in(found, *task)) for task in tasks]


def _print_summary(details: Sections) -> None:
    """Print a short summary of what was found."""
    sections = summary_sections(details | {"examples": details["examples"][:SHOWN_EXAMPLES]})
    filled = {title: section for title, section in sections.items() if section}
    if filled:
        log_message(plain(filled))


def _find_tests(against: Sequence[Path]) -> Inputs | None:
    """Find the files of test sets; a pattern that is no file stands for those that it matches."""
    paths: list[Path] = []
    for path in against:
        # Path.glob takes no pattern that begins at the root.
        matches = [] if path.exists() else sorted(map(Path, glob(str(path))))  # noqa: PTH207
        paths += matches or [path]
    try:
        return find_documents(paths, formats=("jsonl",)) if paths else None
    except InputError as error:
        raise InputError(f"--decontamination.against: {error.message}", error.hint) from None


def _prepare_tests(config: DedupConfig, parts: tuple[Slice, ...], writer: TaskWriter) -> None:
    items = (
        (item.set, item.name, item.texts)
        for part in parts
        for item in read_items(part, writer.read, config.max_record)
    )
    prepare_items(items, config.decontamination.ngram, writer)


def _documents(
    config: DedupConfig, slices: tuple[Slice, ...], writer: TaskWriter
) -> Iterator[tuple[Path, Document | Unreadable]]:
    for part in slices:
        for document in read_slice(
            part, writer.read, source=config.source, max_record=config.max_record
        ):
            yield part.path, document


def _collect(
    config: DedupConfig, matchers: Sequence[Matcher], slices: tuple[Slice, ...], writer: TaskWriter
) -> None:
    """Read the documents of a task for all matchers."""
    with ExitStack() as stack:
        add_key = stack.enter_context(writing_document_keys(config.keep, writer))
        adders = [stack.enter_context(matcher.collect(writer)) for matcher in matchers]
        for path, document in _documents(config, slices, writer):
            if isinstance(document, Document):
                add_key(document, path)
                for add in adders:
                    add(document)


def _choose_examples(
    matchers: Sequence[Matcher], documents: "DocumentTable", writer: TaskWriter
) -> None:
    tables = [
        (matcher.reason, found)
        for matcher in matchers
        if (found := matcher.duplicates(writer.partial))
    ]
    write_examples(tables, documents, writer)


def _write(
    config: DedupConfig,
    matchers: Sequence[Matcher],
    documents: "DocumentTable",
    examples: Sequence[tuple[int, int, float]],
    slices: tuple[Slice, ...],
    writer: TaskWriter,
) -> None:
    """Read the documents of a task again; write those that are kept, and the duplicates."""
    number, stop = documents.of_task(writer.number)
    verdicts = Verdicts(tables_of(matchers, writer.partial), number, stop)
    duplicates: list[Duplicate] = []
    examples_read = ExampleCollector(examples)

    def outcomes() -> Iterator[Outcome]:
        nonlocal number
        for _, document in _documents(config, slices, writer):
            if isinstance(document, Unreadable):
                yield document
                continue
            examples_read.add(number, document)
            if reason := verdicts.reason(number):
                kept, similarity = verdicts.representative(number)
                if kept == NO_REPRESENTATIVE:
                    yield Rejected(document, reason)
                else:
                    named = document.id, document.source, reason
                    location = location_of(document)
                    duplicates.append(Duplicate(*named, kept, similarity, location))
                    yield Rejected(document, f"{reason}_duplicate")
            else:
                yield _transformed(number, document, transforms)
            number += 1

    with ExitStack() as stack:
        cutters = [
            stack.enter_context(matcher.spans_to_cut(writer, documents)) for matcher in matchers
        ]
        transforms = [stack.enter_context(applying_cuts(cutters, writer, documents))]
        transforms += [
            stack.enter_context(matcher.transform(writer, documents)) for matcher in matchers
        ]
        write_outcomes(writer, outcomes(), keep_rejected=lambda _: False)
    if number != stop:
        raise LmkitError(f"{slices[0].path}: it changed while it was read", "run the same again")
    _write_duplicates(duplicates, documents, examples_read, writer)
    examples_read.write_facts(writer)


def _transformed(
    number: int, document: Document, transforms: Sequence[Transform]
) -> Document | Rejected:
    """Apply the transforms of all matchers to a document that is kept."""
    outcome: Document | Rejected = document
    for transform in transforms:
        if isinstance(outcome, Document):
            outcome = transform(number, outcome)
    return outcome


def _write_duplicates(
    duplicates: Sequence[Duplicate],
    documents: "DocumentTable",
    examples_read: "ExampleCollector",
    writer: TaskWriter,
) -> None:
    """Write the documents that are removed, with their representatives, and where both are."""
    writer.facts["same_ids"] = 0
    if not duplicates:
        return
    kept_numbers = {duplicate.kept for duplicate in duplicates if duplicate.kept >= 0}
    keys = documents.keys(list(kept_numbers))
    with writer.file(f"duplicates-{writer.number:05d}.jsonl.zst") as path:
        file = JsonLinesFile(path)
        for duplicate in duplicates:
            kept = keys.get(duplicate.kept)
            examples_read.count(duplicate.reason, duplicate.source, kept.source if kept else "")
            representative = kept and {
                "source": kept.source,
                "id": kept.id,
                **(kept.location or {}),
            }
            same = kept and (kept.source, kept.id) == (duplicate.source, duplicate.id)
            writer.facts["same_ids"] += bool(same)
            file.write(
                {
                    "id": duplicate.id,
                    "source": duplicate.source,
                    **duplicate.location,
                    "kept": representative,
                    "reason": duplicate.reason,
                    "similarity": round(duplicate.similarity, 6),
                }
            )
        file.close()


CUTS = ("line", "paragraph", "passage", "item")


def result_text(config: "DedupConfig", manifest: Manifest) -> str:
    """Summarize what is kept, what was cut out of it, and what was found of each test set."""
    more = manifest.counts.more
    lines = [kept_line(config, manifest)]
    if more.get("documents_cut"):
        cuts = (f"{more[f'{kind}s_cut']:,} {kind}s" for kind in CUTS if more.get(f"{kind}s_cut"))
        lines.append(
            f"  cut {more['characters_cut']:,} characters out of {more['documents_cut']:,} "
            f"documents: {', '.join(cuts)}"
        )
    sets = manifest.details.get("test_sets", [])
    if found := [row for row in sets if row["found"]]:
        lines.append(shown({"test_sets": found[:MAX_SOURCES]}))
    if sets:
        rest = len(sets) - min(len(found), MAX_SOURCES)
        items, too_short = (sum(row[key] for row in sets) for key in ("items", "too_short"))
        lines.append(
            f"  searched for {items - too_short:,} of {items:,} items of {len(sets):,} test sets"
            f"{f'; {rest:,} more sets: see lmkit inspect' if found and rest else ''}"
            f"{'' if found else ', found none'}"
        )
    return "\n".join(lines)
