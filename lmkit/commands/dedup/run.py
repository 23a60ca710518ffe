"""Dedup: of all documents that have the same text, or nearly the same, keep one.

Choices:
- It is a list of passes, which share two readings: the first takes notes, the second writes what
  stays. What each looks for, it says itself.
- Which one stays depends neither on the order of the inputs nor on tasks or workers.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial, reduce
from glob import glob
from pathlib import Path
from typing import NamedTuple

from lmkit.artifacts.documents_file import (
    Document,
    JsonLinesFile,
    Outcome,
    Rejected,
    Unreadable,
    write_outcomes,
)
from lmkit.artifacts.inputs import Inputs, Slice, cut, find_documents
from lmkit.artifacts.manifest import Counts, Manifest, kept_line
from lmkit.artifacts.output_folder import OutputFolder, open_output
from lmkit.artifacts.tasks import TaskWriter
from lmkit.commands.dedup.options import DedupConfig
from lmkit.deduplication.crawl_index import Index, Verdict, using_index
from lmkit.deduplication.cut_spans import applying
from lmkit.deduplication.decontamination import Decontaminator, prepare_items
from lmkit.deduplication.document_table import DocumentTable, writing_document_keys
from lmkit.deduplication.exact import Exact, SameUrl
from lmkit.deduplication.examples import ExampleCollector, summary_of, write_examples
from lmkit.deduplication.matcher import Change, Matcher, tables_of
from lmkit.deduplication.near_duplicates import NearDuplicates
from lmkit.deduplication.removal_table import NOBODY, Verdicts, numbers_of, repeating
from lmkit.deduplication.repeated_spans import RepeatedSpans
from lmkit.deduplication.summary import Sections, described
from lmkit.errors import InputError, LmkitError
from lmkit.execution.progress import say, warn
from lmkit.execution.tables import SHOWN_SOURCES, plain, shown
from lmkit.readers.dispatch import read_slice
from lmkit.readers.test_sets import read_items

SHOWN_EXAMPLES = 2


class Duplicate(NamedTuple):
    """A document that goes."""

    id: str
    source: str
    reason: str
    kept: int
    similarity: float


def matchers_of(config: DedupConfig) -> list[Matcher]:
    """Return the passes, each of which sees what those before it have left."""
    wanted: list[tuple[object, Matcher]] = [
        (config.decontamination.against, Decontaminator(config.decontamination)),
        (config.url, SameUrl(config.keep)),
        (True, Exact(config.keep)),
        (config.minhash.action, NearDuplicates(config.minhash, config.keep)),
        (config.repeats.chosen, RepeatedSpans(config.repeats, config.keep)),
    ]
    return [each for is_wanted, each in wanted if is_wanted]


def dedup(config: DedupConfig) -> Manifest:
    """Write all inputs, without repeats, into the output folder."""
    inputs = find_documents(
        config.inputs, config.inputs_from, formats=("jsonl",), source=config.source
    )
    tests = _find_tests(config.decontamination.against)
    with ExitStack() as stack:
        index = stack.enter_context(_index(config, inputs))
        read = [each for each in (tests, index and index.inputs) if each]
        folder = stack.enter_context(open_output(config, reduce(Inputs.merged_with, read, inputs)))
        if folder.finished:
            if index and not index.itself:
                warn(f"{index.path}: it holds none of these; --overwrite adds them")
            return folder.finished
        return _made(config, inputs, tests, index, folder)


def _made(
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
    tasks, passes = cut(inputs.slices, config.shard_bytes), matchers_of(config)
    note = partial(_note, config, passes)
    folder.run("notes", note, tasks, workers=config.workers, label="comparing")
    older = index.notes if index else []
    mine = [(folder.scratch, number) for number in range(len(tasks))]
    notes = DocumentTable((*older, *mine), len(older))
    for place, each in enumerate(passes):
        each.match(folder, notes, config.workers, passes[:place])
    audit, *_ = folder.run("audit", partial(_audit, passes), [notes], label="auditing")
    write = partial(_write, config, passes, notes, audit.facts["examples"])
    receipts = folder.run("documents", write, tasks, workers=config.workers, label="writing")
    details = summary_of(audit, receipts)
    _say(details)
    details |= {name: fact for each in passes for name, fact in each.told(folder).items()}
    if index:
        added = index.add(notes, _verdicts(passes, notes, folder.scratch))
        details["index"] = {"documents": index.documents, "added": added}
        say(f"{index.path}: compared with {index.documents:,} documents, added {added:,}")
    return folder.finish(Counts.total(receipt.counts for receipt in receipts), details)


def _index(config: DedupConfig, inputs: Inputs) -> "AbstractContextManager[Index | None]":
    if not config.index:
        return nullcontext()

    return using_index(config.index, config.output, inputs, config.compared)


def _verdicts(passes: Sequence[Matcher], notes: "DocumentTable", partial: Path) -> "list[Verdict]":
    """Return which documents of each task go, and which only repeat one and are marked."""
    tasks = map(notes.of_task, range(len(notes.parts) - notes.older))
    gone = [table for _, table in tables_of(passes, partial)]
    found = [table for each in passes if (table := each.found(partial))]
    return [(numbers_of(gone, *task), repeating(found, *task)) for task in tasks]


def _say(details: Sections) -> None:
    """Show what was found, in short."""
    sections = described(details | {"examples": details["examples"][:SHOWN_EXAMPLES]})
    filled = {title: section for title, section in sections.items() if section}
    if filled:
        say(plain(filled))


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


def _note(
    config: DedupConfig, passes: Sequence[Matcher], slices: tuple[Slice, ...], writer: TaskWriter
) -> None:
    """Read the documents of a task for all passes."""
    with ExitStack() as stack:
        name = stack.enter_context(writing_document_keys(config.keep, writer))
        notes = [stack.enter_context(each.noting(writer)) for each in passes]
        for place, document in _documents(config, slices, writer):
            if isinstance(document, Document):
                name(document, place)
                for note in notes:
                    note(document)


def _audit(passes: Sequence[Matcher], notes: "DocumentTable", writer: TaskWriter) -> None:
    tables = [(each.reason, found) for each in passes if (found := each.found(writer.partial))]
    write_examples(tables, notes, writer)


def _write(
    config: DedupConfig,
    passes: Sequence[Matcher],
    notes: "DocumentTable",
    examples: Sequence[tuple[int, int, float]],
    slices: tuple[Slice, ...],
    writer: TaskWriter,
) -> None:
    """Read the documents of a task again, and write those that stay, and who stays for others."""
    number, stop = notes.of_task(writer.number)
    verdicts = Verdicts(tables_of(passes, writer.partial), number, stop)
    duplicates: list[Duplicate] = []
    witness = ExampleCollector(examples)

    def outcomes() -> Iterator[Outcome]:
        nonlocal number
        for _, document in _documents(config, slices, writer):
            if isinstance(document, Unreadable):
                yield document
                continue
            witness.see(number, document)
            if reason := verdicts.reason(number):
                kept, similarity = verdicts.stays(number)
                if kept != NOBODY:
                    who = document.id, document.source
                    duplicates.append(Duplicate(*who, reason, kept, similarity))
                yield Rejected(document, reason if kept == NOBODY else f"{reason}_duplicate")
            else:
                yield _changed(number, document, changes)
            number += 1

    with ExitStack() as stack:
        cutters = [stack.enter_context(each.cutting(writer, notes)) for each in passes]
        changes = [stack.enter_context(applying(cutters, writer, notes))]
        changes += [stack.enter_context(each.changing(writer, notes)) for each in passes]
        write_outcomes(writer, outcomes(), keep_rejected=lambda _: False)
    if number != stop:
        raise LmkitError(f"{slices[0].path}: it changed while it was read", "run the same again")
    _write_duplicates(duplicates, notes, witness, writer)
    witness.report(writer)


def _changed(number: int, document: Document, changes: Sequence[Change]) -> Document | Rejected:
    """Return what becomes of a document that stays."""
    outcome: Document | Rejected = document
    for change in changes:
        if isinstance(outcome, Document):
            outcome = change(number, outcome)
    return outcome


def _write_duplicates(
    duplicates: Sequence[Duplicate],
    notes: "DocumentTable",
    witness: "ExampleCollector",
    writer: TaskWriter,
) -> None:
    """Write who goes, and who stays for it."""
    if not duplicates:
        return
    stay = {duplicate.kept for duplicate in duplicates if duplicate.kept >= 0}
    names = notes.names(list(stay))
    with writer.file(f"duplicates-{writer.number:05d}.jsonl.zst") as path:
        file = JsonLinesFile(path)
        for duplicate in duplicates:
            kept = names.get(duplicate.kept)
            witness.count(duplicate.reason, duplicate.source, kept.source if kept else "")
            stays = {"kept": kept and {"source": kept.source, "id": kept.id}}
            why = {"reason": duplicate.reason, "similarity": round(duplicate.similarity, 6)}
            file.write({"id": duplicate.id, "source": duplicate.source, **stays, **why})
        file.close()


CUTS = ("line", "paragraph", "passage", "item")


def result_text(config: "DedupConfig", manifest: Manifest) -> str:
    """Say what stays, what was cut out of it, and what was found of each test set."""
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
        lines.append(shown({"test_sets": found[:SHOWN_SOURCES]}))
    if sets:
        rest = len(sets) - min(len(found), SHOWN_SOURCES)
        items, looked_for = (sum(row[key] for row in sets) for key in ("items", "too_short"))
        lines.append(
            f"  looked for {items - looked_for:,} of {items:,} items of {len(sets):,} test sets"
            f"{f'; {rest:,} more sets: see lmkit inspect' if found and rest else ''}"
            f"{'' if found else ', found none'}"
        )
    return "\n".join(lines)
