"""Dedup: of all documents that have the same text, or nearly the same, keep one.

Choices:
- Texts are the same if they differ only in letter case, white space or Unicode form.
- Then, documents are nearly the same if enough of their shingles are; MinHash only proposes pairs.
  Each that goes is that like the one kept for it, not only like a neighbour of it.
- The document with the smallest (source, id) stays; equal ones are told apart by their text,
  then by the path of the input. So the result depends neither on the order of the inputs nor on
  tasks or workers.
- Tasks note 16 bytes, the name and the signature of each document; one finds what stands twice, one
  for each band what may be nearly the same, one what is; then tasks write what stays. Memory is 16
  bytes a document, and the names of those that have a copy or may have one.
"""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

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
from lmkit.artifacts.lines import lines
from lmkit.artifacts.manifest import Counts, Manifest
from lmkit.artifacts.streams import Range
from lmkit.artifacts.tasks import TaskWriter
from lmkit.config import Group, StageConfig
from lmkit.errors import LmkitError
from lmkit.readers.documents import read_slice
from lmkit.text.digest import SIZE, digest, normal_form

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REASON = "exact_duplicate"
NEAR_REASON = "near_duplicate"
Name = tuple[str, str, str, str]
"""Source, id, digest of the raw text, path: what decides which copy stays."""


class Near(Group):
    """What to do with documents that are nearly the same."""

    action: Literal["drop", "mark"] | None = "drop"
    """Drop all but one, or mark them as a cluster in `metadata.cluster`; with none, don't look."""

    min_similarity: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Least share of five-word shingles that two documents must have in common (Jaccard)."""

    keep: Literal["first", "longest"] = "first"
    """Which one stays: that with the smallest source and id, or that with most characters."""

    bands: Annotated[int, Field(ge=1, le=1000)] = 14
    """Bands of MinHash: more of them find more pairs that are less alike."""

    rows: Annotated[int, Field(ge=1, le=100)] = 8
    """Rows of a band: more of them propose fewer pairs that are less alike."""


class DedupConfig(StageConfig):
    """Keep one of all documents that have the same text, or nearly the same."""

    stage = "dedup"
    owns = (*DOCUMENT_FILES, r"duplicates-\d{5,}\.jsonl\.zst")

    source: str | None = None
    """Label for all documents; without it, each keeps its own."""

    near: Near = Near()

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
        if config.near.action:
            folder.run(
                "bands",
                partial(_match_band, config, len(tasks)),
                range(config.near.bands),
                workers=config.workers,
                label="matching bands",
            )
            folder.run("near", partial(_find_near, config), [len(tasks)], label="verifying")
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

    def texts() -> Iterator[str]:
        for place, document in _documents(config, slices, writer):
            if isinstance(document, Document):
                digests.extend(digest(normal_form(document.text)))
                raw = digest(document.text).hex()
                names.write({"name": [document.source, document.id, raw, str(place)]})
                yield document.text

    with writer.scratch_file(_scratch("names", writer.number)) as path:
        names = JsonLinesFile(path)
        if config.near.action:
            from lmkit.text.minhash import Bands
            from lmkit.text.signatures import write_signatures

            write_signatures(writer, texts(), Bands(config.near.bands, config.near.rows))
        else:
            deque(texts(), maxlen=0)
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
                    (source, key, *_), stays = first[group]
                    kept = {"source": source, "id": key}
                    repeats.write({"index": index, "kept": kept, "number": stays})
            repeats.close()
        start += length


def _match_band(config: DedupConfig, tasks: int, band: int, writer: TaskWriter) -> None:
    from lmkit.text.signatures import write_mates

    write_mates(tasks, config.near.bands, band, writer)


def _find_near(config: DedupConfig, tasks: int, writer: TaskWriter) -> None:
    """Write, for each task, which of its documents are nearly the same as one that stays."""
    import numpy as np

    from lmkit.text.clusters import stars
    from lmkit.text.signatures import Signatures, buckets

    signatures = Signatures(writer.partial, tasks)
    starts = [int(start) for start in signatures.starts]
    repeats = {
        starts[task] + record["index"]: record["number"]
        for task in range(tasks)
        for record in _read_lines(writer, _scratch("repeats", task))
    }
    buckets_of = buckets(writer.partial, config.near.bands)
    for number in repeats:
        buckets_of.pop(number, None)
    wanted = np.full(starts[-1], -1, dtype=np.int64)
    wanted[list(buckets_of)] = 0
    sizes = [stop - start for start, stop in pairwise(starts)]
    names = _names_of(writer, sizes, wanted)
    longest = config.near.keep == "longest"
    best_first = sorted(
        names, key=lambda n: (-signatures.characters(n) if longest else 0, names[n], n)
    )
    gone = stars(
        best_first, buckets_of.__getitem__, signatures.similarity, config.near.min_similarity
    )
    lines: list[list[dict[str, Any]]] = [[] for _ in range(tasks)]

    def note(number: int, kept: int, similarity: float, reason: str) -> None:
        task, index = signatures.task_of(number)
        source, key, *_ = names[kept]
        cluster = digest("\n".join(names[kept])).hex()
        who = {"source": source, "id": key}
        line = {"index": index, "kept": who, "similarity": round(similarity, 6)}
        lines[task].append({**line, "cluster": cluster, "reason": reason})

    for number, (kept, similarity) in gone.items():
        note(number, kept, similarity, "near")
    if config.near.action == "mark":
        for kept in {kept for kept, _ in gone.values()}:
            note(kept, kept, 1.0, "near")
    else:  # a copy of one that goes is represented by the one that stays
        for number, stays in repeats.items():
            if stays in gone:
                note(number, *gone[stays], "exact")
    for task, found in enumerate(lines):
        with writer.scratch_file(_scratch("near", task)) as path:
            file = JsonLinesFile(path)
            for line in sorted(found, key=lambda line: line["index"]):
                file.write(line)
            file.close()


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
    repeats = _by_index(writer, "repeats")
    near = _by_index(writer, "near") if config.near.action else {}
    marks = config.near.action == "mark"
    seen = 0
    duplicates: list[dict[str, Any]] = []

    def outcomes() -> Iterator[Outcome]:
        nonlocal seen
        for _, document in _documents(config, slices, writer):
            if isinstance(document, Unreadable):
                yield document
                continue
            exact, alike = repeats.get(seen), near.get(seen)
            seen += 1
            if exact:
                duplicates.append(_duplicate(document, "exact", alike or exact))
                yield Rejected(document, REASON)
            elif alike and marks:
                metadata = {**document.metadata, "cluster": alike["cluster"]}
                yield replace(document, metadata=metadata)
            elif alike:
                duplicates.append(_duplicate(document, "near", alike))
                yield Rejected(document, NEAR_REASON)
            else:
                yield document

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


def _duplicate(document: Document, reason: str, found: dict[str, Any]) -> dict[str, Any]:
    who = {"id": document.id, "source": document.source, "kept": found["kept"]}
    return {**who, "reason": reason, "similarity": found.get("similarity", 1.0)}


def _by_index(writer: TaskWriter, kind: str) -> dict[int, dict[str, Any]]:
    lines = _read_lines(writer, _scratch(kind, writer.number))
    return {record["index"]: record for record in lines}


def _scratch(kind: str, number: int) -> str:
    return f"{kind}-{number:05d}.scratch"


def _read_lines(writer: TaskWriter, name: str) -> Iterator[dict[str, Any]]:
    path = writer.partial / name
    with Range(path, 0, path.stat().st_size) as source:
        for line in lines(source, "zstd", limit=1 << 40):
            yield json.loads(line.data or b"")
