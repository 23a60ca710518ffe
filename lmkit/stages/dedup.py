"""Dedup: of all documents that have the same text, or nearly the same, keep one.

Choices:
- It is a list of passes, which share two readings: the first takes notes, the second writes what
  stays. What each looks for, it says itself.
- Which one stays depends neither on the order of the inputs nor on tasks or workers.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from lmkit.artifacts.documents import (
    DOCUMENT_FILES,
    Document,
    JsonLinesFile,
    Outcome,
    Rejected,
    Unreadable,
    write_outcomes,
)
from lmkit.artifacts.folder import making
from lmkit.artifacts.inputs import RANGE_BYTES, Slice, cut, find_documents
from lmkit.artifacts.manifest import Counts, Manifest
from lmkit.artifacts.tasks import TaskWriter
from lmkit.config import StageConfig
from lmkit.errors import LmkitError
from lmkit.readers.documents import read_slice
from lmkit.text.exact import Exact
from lmkit.text.keeping import Keep, Name
from lmkit.text.near import Near, NearlyTheSame
from lmkit.text.passes import Change, Pass, tables_of

if TYPE_CHECKING:
    from lmkit.text.notes import Notes


class DedupConfig(StageConfig):
    """Keep one of all documents that have the same text, or nearly the same."""

    stage = "dedup"
    owns = (*DOCUMENT_FILES, r"duplicates-\d{5,}\.jsonl\.zst")

    source: str | None = None
    """Label for all documents; without it, each keeps its own."""

    keep: Keep = Keep()

    near: Near = Near()

    max_record: Annotated[int, Field(ge=1)] = 32_000_000
    """Longest record of a plain file to read, in bytes; longer ones are quarantined."""

    shard_bytes: Annotated[int, Field(ge=1)] = RANGE_BYTES
    """Input bytes per task and output file; small files share one."""


def passes_of(config: DedupConfig) -> list[Pass]:
    """Return the passes, each of which sees what those before it have left."""
    passes: list[Pass] = [Exact(config.keep)]
    if config.near.action:
        passes.append(NearlyTheSame(config.near, config.keep))
    return passes


def dedup(config: DedupConfig) -> Manifest:
    """Write all inputs, without repeats, into the output folder."""
    inputs = find_documents(
        config.inputs, config.inputs_from, formats=("jsonl",), source=config.source
    )
    with making(config, inputs) as folder:
        if folder.finished:
            return folder.finished
        from lmkit.text.notes import Notes  # numpy, which no --help should wait for

        tasks, passes = cut(inputs.slices, config.shard_bytes), passes_of(config)
        note = partial(_note, config, passes)
        folder.run("notes", note, tasks, workers=config.workers, label="comparing")
        notes = Notes(tuple((folder.scratch, number) for number in range(len(tasks))))
        for place, each in enumerate(passes):
            each.match(folder, notes, config.workers, passes[:place])
        write = partial(_write, config, passes, notes)
        receipts = folder.run("documents", write, tasks, workers=config.workers, label="writing")
        return folder.finish(Counts.total(receipt.counts for receipt in receipts))


def _documents(
    config: DedupConfig, slices: tuple[Slice, ...], writer: TaskWriter
) -> Iterator[tuple[Path, Document | Unreadable]]:
    for part in slices:
        for document in read_slice(
            part, writer.read, source=config.source, max_record=config.max_record
        ):
            yield part.path, document


def _note(
    config: DedupConfig, passes: Sequence[Pass], slices: tuple[Slice, ...], writer: TaskWriter
) -> None:
    """Read the documents of a task for all passes."""
    from lmkit.text.notes import noting_names

    with ExitStack() as stack:
        name = stack.enter_context(noting_names(config.keep, writer))
        notes = [stack.enter_context(each.noting(writer)) for each in passes]
        for place, document in _documents(config, slices, writer):
            if isinstance(document, Document):
                name(document, place)
                for note in notes:
                    note(document)


def _write(
    config: DedupConfig,
    passes: Sequence[Pass],
    notes: "Notes",
    slices: tuple[Slice, ...],
    writer: TaskWriter,
) -> None:
    """Read the documents of a task again, and write those that stay, and who stays for others."""
    from lmkit.text.gone import Verdicts

    first, stop = notes.of_task(writer.number)
    verdicts = Verdicts(tables_of(passes, writer.partial), first, stop)
    duplicates: list[dict[str, Any]] = []
    number = first

    def outcomes() -> Iterator[Outcome]:
        nonlocal number
        for _, document in _documents(config, slices, writer):
            if isinstance(document, Unreadable):
                yield document
                continue
            reason = verdicts.reason(number)
            if reason:
                kept, similarity = verdicts.stays(number)
                duplicates.append(
                    _duplicate(document, reason, notes.names([kept])[kept], similarity)
                )
                yield Rejected(document, f"{reason}_duplicate")
            else:
                yield _changed(number, document, changes)
            number += 1

    with ExitStack() as stack:
        changes = [stack.enter_context(each.changing(writer, notes)) for each in passes]
        write_outcomes(writer, outcomes(), keep_rejected=lambda _: False)
    if number != stop:
        raise LmkitError(f"{slices[0].path}: it changed while it was read", "run the same again")
    if duplicates:
        with writer.file(f"duplicates-{writer.number:05d}.jsonl.zst") as path:
            file = JsonLinesFile(path)
            for duplicate in duplicates:
                file.write(duplicate)
            file.close()


def _changed(number: int, document: Document, changes: Sequence[Change]) -> Document | Rejected:
    """Return what becomes of a document that stays."""
    outcome: Document | Rejected = document
    for change in changes:
        if isinstance(outcome, Document):
            outcome = change(number, outcome)
    return outcome


def _duplicate(document: Document, reason: str, kept: Name, similarity: float) -> dict[str, Any]:
    return {
        "id": document.id,
        "source": document.source,
        "kept": {"source": kept.source, "id": kept.id},
        "reason": reason,
        "similarity": round(similarity, 6),
    }
