"""Dedup: of all documents that have the same text, keep one.

Choices:
- Texts are the same if they differ only in letter case, white space or Unicode form.
- The document with the smallest (source, id) stays; equal ones are told apart by their text,
  then by the path of the input. So the result depends neither on the order of the inputs nor on
  tasks or workers.
- Three steps: each task notes 16 bytes and the name of each document; one task finds what stands
  twice; each task writes what stays. Memory is 16 bytes a document, and the names of those that
  have a copy.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

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
from lmkit.artifacts.streams import Range, lines
from lmkit.artifacts.tasks import TaskWriter
from lmkit.config import StageConfig
from lmkit.errors import LmkitError
from lmkit.readers.documents import read_slice
from lmkit.text.digest import SIZE, digest, normal_form

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REASON = "exact_duplicate"
Name = tuple[str, str, str, str]
"""Source, id, digest of the raw text, path: what decides which copy stays."""


class DedupConfig(StageConfig):
    """Keep one of all documents that have the same text."""

    stage = "dedup"
    owns = (*DOCUMENT_FILES, r"duplicates-\d{5,}\.jsonl\.zst")

    source: str | None = None
    """Label for all documents; without it, each keeps its own."""

    max_record: Annotated[int, Field(ge=1)] = 32_000_000
    """Longest record of a plain file to read, in bytes; longer ones are quarantined."""

    shard_bytes: Annotated[int, Field(ge=1)] = RANGE_BYTES
    """Input bytes per task and output file; small files share one."""


def dedup(config: DedupConfig) -> Manifest:
    """Write all inputs, without repeats, into the output folder."""
    inputs = find_documents(
        config.inputs, config.inputs_from, formats=("jsonl",), source=config.source
    )
    with making(config, inputs) as folder:
        if folder.finished:
            return folder.finished
        tasks = cut(inputs.slices, config.shard_bytes)
        folder.run(
            "digests",
            partial(_note_digests, config),
            tasks,
            workers=config.workers,
            label="comparing",
        )
        folder.run("repeats", _find_repeats, [len(tasks)], label="matching")
        receipts = folder.run(
            "documents", partial(_keep_one, config), tasks, workers=config.workers, label="writing"
        )
        return folder.finish(Counts.total(receipt.counts for receipt in receipts))


def _documents(
    config: DedupConfig, slices: tuple[Slice, ...], writer: TaskWriter
) -> Iterator[tuple[Path, Document | Unreadable]]:
    for part in slices:
        for document in read_slice(
            part, writer.read, source=config.source, max_record=config.max_record
        ):
            yield part.path, document


def _note_digests(config: DedupConfig, slices: tuple[Slice, ...], writer: TaskWriter) -> None:
    digests = bytearray()
    with writer.scratch_file(_scratch("names", writer.number)) as path:
        names = JsonLinesFile(path)
        for place, document in _documents(config, slices, writer):
            if isinstance(document, Document):
                digests += digest(normal_form(document.text))
                raw = digest(document.text).hex()
                names.write({"name": [document.source, document.id, raw, str(place)]})
        names.close()
    with writer.scratch_file(_scratch("digests", writer.number)) as path:
        path.write_bytes(digests)


def _find_repeats(task_count: int, writer: TaskWriter) -> None:
    """Write, for each task, which of its documents go and which one stays for each."""
    from lmkit.text.repeats import groups_of_equals  # numpy, which no --help should wait for

    files = [writer.partial / _scratch("digests", number) for number in range(task_count)]
    group_of, groups = groups_of_equals(b"".join(file.read_bytes() for file in files))
    lengths = [file.stat().st_size // SIZE for file in files]
    first: dict[int, tuple[Name, int]] = {}
    for index, name in _names_of(writer, lengths, group_of).items():
        group = int(group_of[index])
        first[group] = min(first.get(group, (name, index)), (name, index))
    assert len(first) == groups
    start = 0
    for number, length in enumerate(lengths):
        with writer.scratch_file(_scratch("repeats", number)) as path:
            repeats = JsonLinesFile(path)
            for index, group in enumerate(group_of[start : start + length].tolist()):
                if group >= 0 and first[group][1] != start + index:
                    (source, key, *_), _ = first[group]
                    repeats.write({"index": index, "kept": {"source": source, "id": key}})
            repeats.close()
        start += length


def _names_of(
    writer: TaskWriter, lengths: list[int], group_of: "NDArray[np.int64]"
) -> dict[int, Name]:
    """Read the names of the documents that are in a group."""
    names: dict[int, Name] = {}
    start = 0
    for number, length in enumerate(lengths):
        if (group_of[start : start + length] >= 0).any():
            for index, record in enumerate(_read_lines(writer, _scratch("names", number))):
                if group_of[start + index] >= 0:
                    names[start + index] = cast(Name, tuple(record["name"]))
        start += length
    return names


def _keep_one(config: DedupConfig, slices: tuple[Slice, ...], writer: TaskWriter) -> None:
    repeats = {
        record["index"]: record["kept"]
        for record in _read_lines(writer, _scratch("repeats", writer.number))
    }
    seen = 0
    duplicates: list[dict[str, Any]] = []

    def outcomes() -> Iterator[Outcome]:
        nonlocal seen
        for _, document in _documents(config, slices, writer):
            if isinstance(document, Unreadable):
                yield document
                continue
            if kept := repeats.get(seen):
                duplicates.append(
                    {"id": document.id, "source": document.source, "kept": kept, "reason": "exact"}
                )
                yield Rejected(document, REASON)
            else:
                yield document
            seen += 1

    write_outcomes(writer, outcomes(), keep_rejected=lambda _: False)
    noted = (writer.partial / _scratch("digests", writer.number)).stat().st_size // SIZE
    if seen != noted:
        raise LmkitError(f"{slices[0].path}: it changed while it was read", "run the same again")
    if duplicates:
        with writer.file(f"duplicates-{writer.number:05d}.jsonl.zst") as path:
            file = JsonLinesFile(path)
            for duplicate in duplicates:
                file.write(duplicate)
            file.close()


def _scratch(kind: str, number: int) -> str:
    return f"{kind}-{number:05d}.scratch"


def _read_lines(writer: TaskWriter, name: str) -> Iterator[dict[str, Any]]:
    path = writer.partial / name
    with Range(path, 0, path.stat().st_size) as source:
        for line in lines(source, "zstd", limit=1 << 40):
            yield json.loads(line.data or b"")
