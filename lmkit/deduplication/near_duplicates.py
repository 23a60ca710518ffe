"""The matcher that finds near-duplicates.

Choices:
- Documents are near-duplicates if enough of their shingles are shared; MinHash only proposes
  candidate pairs.
- Every removed document is that similar to its representative, not only to a neighbour of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter, scratch
from lmkit.deduplication.clustering import star_clusters
from lmkit.deduplication.columns import Column
from lmkit.deduplication.document_table import DocumentTable
from lmkit.deduplication.keep_policy import DocumentKey, sort_key
from lmkit.deduplication.matcher import Collector, Matcher, tables_of
from lmkit.deduplication.minhash import Bands, lsh_curve_text
from lmkit.deduplication.options import KeepConfig, MatchOptions, MinHashConfig
from lmkit.deduplication.removal_table import Removals, write_removals
from lmkit.deduplication.signature_files import (
    BANDS,
    SHINGLES,
    Signatures,
    SignaturesFile,
    groups,
    matching_tasks,
    write_candidate_pairs,
    write_groups,
)
from lmkit.execution.progress import log_message
from lmkit.text.digests import digest, folded


class NearDuplicates(Matcher):
    """Of near-duplicates, keep one, or label them."""

    reason = "near"
    option = "minhash.action"
    compared = ("minhash.min_similarity", "minhash.bands", "minhash.rows")

    def __init__(self, minhash: MinHashConfig, keep: KeepConfig) -> None:
        self.minhash = minhash
        self.keep = keep
        self.files = 0

    @classmethod
    def of(cls, options: MatchOptions) -> Self | None:
        """Return the matcher, or None where `--minhash.action` is none."""
        return cls(options.minhash, options.keep) if options.minhash.action else None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The shingles, and their signatures."""
        return BANDS, SHINGLES

    def collect(self, writer: TaskWriter) -> Collector:
        """Return what stores the shingles of each document, and their signature."""
        return _SignatureCollector(writer, Bands(self.minhash.bands, self.minhash.rows))

    def match(
        self,
        folder: OutputFolder,
        documents: DocumentTable,
        workers: int,
        previous: Sequence[Matcher],
    ) -> None:
        """Match the bands one by one, group the candidates, and verify the groups."""
        if self.minhash.threshold is not None:
            log_message(lsh_curve_text(self.minhash.bands, self.minhash.rows))
        bands = matching_tasks(int(documents.starts[-1]), self.minhash.bands)
        match = partial(_match_band, documents, previous)
        folder.run("bands", match, bands, workers=workers, label="matching bands")
        grouped = folder.run("groups", partial(_group, documents), [len(bands)], label="grouping")
        self.files = grouped[0].facts["files"]
        verify = partial(_verify, self.minhash, self.keep, documents)
        folder.run("near", verify, range(self.files), workers=workers, label="verifying")

    def removed(self, partial: Path) -> Removals | None:
        """Return which documents are removed."""
        return None if self.minhash.action == "label" else self.duplicates(partial)

    def duplicates(self, partial: Path) -> Removals:
        """Return which documents are near-duplicates."""
        return Removals([partial / scratch("near", file) for file in range(self.files)])

    def transform(self, writer: TaskWriter, documents: DocumentTable) -> "_LabelClusters | None":
        """Return what labels a document with its cluster."""
        if self.minhash.action != "label":
            return None
        return _LabelClusters(self.duplicates(writer.partial), documents)


class _SignatureCollector(Collector):
    """Stores the shingles of each document, and their signature."""

    def __init__(self, writer: TaskWriter, bands: Bands) -> None:
        super().__init__()
        self._file = self.stack.enter_context(SignaturesFile(writer, bands))

    def add(self, document: Document) -> None:
        """Store those of a document."""
        self._file.add(folded(document.text))


@dataclass(frozen=True)
class _LabelClusters:
    """Labels near-duplicates with their cluster."""

    found: Removals
    documents: DocumentTable

    def __call__(self, number: int, document: Document) -> Document:
        """Return a document with its label, if it has one."""
        row = self.found.get(number)
        if not row:
            return document
        key = self.documents.keys([row[0]])[row[0]]
        return replace(document, metadata={**document.metadata, "cluster": cluster_name(key)})


def cluster_name(key: DocumentKey) -> str:
    """Name a cluster after its representative, independent of that document's path."""
    return digest("\n".join((key.source, key.id, key.text))).hex()


def _match_band(
    documents: DocumentTable,
    previous: Sequence[Matcher],
    band_part: tuple[int, int, int],
    writer: TaskWriter,
) -> None:
    removed = [table for _, table in tables_of(previous, writer.partial)]
    write_candidate_pairs(documents, removed, band_part, writer)


def _group(documents: DocumentTable, bands: int, writer: TaskWriter) -> None:
    writer.facts["files"] = write_groups(documents, bands, writer)


def _verify(
    minhash: MinHashConfig,
    keep: KeepConfig,
    documents: DocumentTable,
    file: int,
    writer: TaskWriter,
) -> None:
    """Write the near-duplicates of a file of groups, each with its representative."""
    signatures = Signatures(documents)
    rows: list[tuple[int, int, float]] = []

    def rank(number: int) -> tuple[Any, ...]:
        return (number >= documents.first, sort_key(keep, keys[number]), number)

    for keys_of in groups(writer.partial / scratch("groups", file)):
        keys = documents.keys(list(keys_of))
        found = star_clusters(
            sorted(keys_of, key=rank),
            keys_of.__getitem__,
            signatures.similarity,
            minhash.min_similarity,
            always_kept=lambda number: number < documents.first,
        )
        rows += [(number, kept, similarity) for number, (kept, similarity) in found.items()]
    if minhash.action == "label":  # the representative is labelled, too
        kept = {kept for _, kept, _ in rows if kept >= documents.first}
        rows += [(number, number, 1.0) for number in kept]
    with writer.scratch_file(scratch("near", writer.number)) as path:
        write_removals(path, rows)
