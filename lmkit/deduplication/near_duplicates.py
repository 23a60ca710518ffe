"""The pass that finds documents that are nearly the same.

Choices:
- Documents are nearly the same if enough of their shingles are; MinHash only proposes pairs.
- Each that goes is that like the one kept for it, not only like a neighbour of it.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter, scratch
from lmkit.deduplication.clustering import stars
from lmkit.deduplication.document_table import DocumentTable
from lmkit.deduplication.keep_policy import DocumentKey, sort_key
from lmkit.deduplication.matcher import Change, Matcher, Note, tables_of
from lmkit.deduplication.minhash import Bands, lsh_curve_text
from lmkit.deduplication.options import KeepConfig, MinHashConfig
from lmkit.deduplication.removal_table import Removals, write_removals
from lmkit.deduplication.signature_files import (
    Signatures,
    groups,
    matching_tasks,
    write_candidate_pairs,
    write_groups,
    writing_signatures,
)
from lmkit.execution.progress import say
from lmkit.text.digests import digest, folded


class NearDuplicates(Matcher):
    """Of documents that are nearly the same, keep one, or mark them."""

    reason = "near"

    def __init__(self, near: MinHashConfig, keep: KeepConfig) -> None:
        self.minhash = near
        self.keep = keep
        self.files = 0

    @contextmanager
    def noting(self, writer: TaskWriter) -> Generator[Note]:
        """Note the shingles and their signature."""
        with writing_signatures(writer, Bands(self.minhash.bands, self.minhash.rows)) as note:
            yield lambda document: note(folded(document.text))

    def match(
        self, folder: OutputFolder, notes: "DocumentTable", workers: int, before: Sequence[Matcher]
    ) -> None:
        """Match the bands one by one, group what they propose, and verify the groups."""
        if self.minhash.threshold is not None:
            say(lsh_curve_text(self.minhash.bands, self.minhash.rows))
        bands = matching_tasks(int(notes.starts[-1]), self.minhash.bands)
        match = partial(_match_band, notes, before)
        folder.run("bands", match, bands, workers=workers, label="matching bands")
        grouped = folder.run("groups", partial(_group, notes), [len(bands)], label="grouping")
        self.files = grouped[0].facts["files"]
        verify = partial(_verify, self.minhash, self.keep, notes)
        folder.run("near", verify, range(self.files), workers=workers, label="verifying")

    def gone(self, partial: Path) -> "Removals | None":
        """Return which documents go."""
        return None if self.minhash.action == "label" else self.found(partial)

    def found(self, partial: Path) -> "Removals":
        """Return which documents are nearly the same as others."""
        return Removals([partial / scratch("near", file) for file in range(self.files)])

    @contextmanager
    def changing(self, writer: TaskWriter, notes: "DocumentTable") -> Generator[Change]:
        """Mark a document with its cluster."""
        found = self.found(writer.partial) if self.minhash.action == "label" else None

        def mark(number: int, document: Document) -> Document:
            row = found.get(number) if found else None
            if not row:
                return document
            name = notes.names([row[0]])[row[0]]
            return replace(document, metadata={**document.metadata, "cluster": cluster_name(name)})

        yield mark


def cluster_name(name: DocumentKey) -> str:
    """Name a cluster after the document that stays for it, wherever that lies."""
    return digest("\n".join((name.source, name.id, name.text))).hex()


def _match_band(
    notes: "DocumentTable",
    before: Sequence[Matcher],
    which: tuple[int, int, int],
    writer: TaskWriter,
) -> None:
    gone = [table for _, table in tables_of(before, writer.partial)]
    write_candidate_pairs(notes, gone, which, writer)


def _group(notes: "DocumentTable", bands: int, writer: TaskWriter) -> None:
    writer.facts["files"] = write_groups(notes, bands, writer)


def _verify(
    near: MinHashConfig, keep: KeepConfig, notes: "DocumentTable", file: int, writer: TaskWriter
) -> None:
    """Write which documents of a file of groups are nearly the same as one that stays."""
    signatures = Signatures(notes)
    rows: list[tuple[int, int, float]] = []

    def rank(number: int) -> tuple[Any, ...]:
        return (number >= notes.first, sort_key(keep, names[number]), number)

    for keys_of in groups(writer.partial / scratch("groups", file)):
        names = notes.names(list(keys_of))
        found = stars(
            sorted(keys_of, key=rank),
            keys_of.__getitem__,
            signatures.similarity,
            near.min_similarity,
            stays=lambda number: number < notes.first,
        )
        rows += [(number, kept, alike) for number, (kept, alike) in found.items()]
    if near.action == "label":  # the one that would stay is marked, too
        kept = {kept for _, kept, _ in rows if kept >= notes.first}
        rows += [(number, number, 1.0) for number in kept]
    with writer.scratch_file(scratch("near", writer.number)) as path:
        write_removals(path, rows)
