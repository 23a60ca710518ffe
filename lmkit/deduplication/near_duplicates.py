"""The matcher that finds near-duplicates.

Choices:
- Documents are near-duplicates if enough of their shingles are shared; MinHash only proposes
  candidate pairs.
- Every removed document is that similar to its representative, not only to a neighbour of it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Self

import numpy as np

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.sorted_runs import Runs
from lmkit.artifacts.tasks import TaskWriter, scratch
from lmkit.deduplication.clusters.clustering import Positions, star_clusters
from lmkit.deduplication.clusters.prefix_filter import PrefixFilter
from lmkit.deduplication.clusters.similarity_bound import SimilarityBound
from lmkit.deduplication.columns import Column
from lmkit.deduplication.document_table import DocumentTable
from lmkit.deduplication.keep_policy import DocumentKey, sort_key
from lmkit.deduplication.matcher import Collector, Matcher, tables_of
from lmkit.deduplication.minhash import Bands, lsh_curve_text
from lmkit.deduplication.options import KeepConfig, MatchOptions, MinHashConfig
from lmkit.deduplication.removal_table import Removals, write_removals
from lmkit.deduplication.shingles import Shingles
from lmkit.deduplication.signature_files import (
    BANDS,
    SHINGLES,
    File,
    Signatures,
    SignaturesFile,
    band_runs,
    groups,
    matching_tasks,
    merged_files,
    write_band_run,
    write_candidate_pairs,
    write_forest,
    write_groups,
)
from lmkit.execution.progress import log_message
from lmkit.text.digests import digest, folded

AT_ONCE = 1 << 15
"""Documents whose keys and shingles are read at a time."""
LARGE_GROUP = 1 << 9
"""Documents of a group in which those that can't be similar enough are left out first."""
TRUST = 1 << 9
"""How many more documents a prefix filter may fail to decide about than it decides about."""
SAMPLED = 1 << 10
"""Documents of a large group whose shingles tell which are common in it."""


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
        runs = band_runs(documents, self.minhash.bands)
        sort = partial(_sort_bands, runs, previous)
        folder.run("bands-runs", sort, runs.parts, workers=workers, label="sorting bands")
        bands = matching_tasks(runs)
        match = partial(write_candidate_pairs, runs)
        folder.run("bands", match, bands, workers=workers, label="matching bands")
        files: list[File] = [("mates", number) for number in range(len(bands))]
        level = 0
        while merged := merged_files(files):
            kind = f"forests-{level}"
            join = partial(write_forest, documents, kind)
            folder.run(kind, join, merged, workers=workers, label="joining candidates")
            files = [(kind, number) for number in range(len(merged))]
            level += 1
        group = partial(_group, documents, len(bands))
        grouped = folder.run("groups", group, [files], label="grouping")
        self.files = grouped[0].facts["files"]
        verify = partial(_verify, self.minhash, self.keep, runs)
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
        found = self.duplicates(writer.partial)
        return _LabelClusters(found.kept_for(*documents.of_task(writer.number)), documents)


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

    representatives: Mapping[int, int]
    documents: DocumentTable

    def __call__(self, number: int, document: Document) -> Document:
        """Return a document with its label, if it has one."""
        kept = self.representatives.get(number)
        if kept is None:
            return document
        key = self.documents.keys([kept])[kept]
        return replace(document, metadata={**document.metadata, "cluster": cluster_name(key)})


def cluster_name(key: DocumentKey) -> str:
    """Name a cluster after its representative, independent of that document's path."""
    return digest("\n".join((key.source, key.id, key.text))).hex()


def _sort_bands(
    runs: Runs, previous: Sequence[Matcher], parts: tuple[int, int], writer: TaskWriter
) -> None:
    removed = [table for _, table in tables_of(previous, writer.partial)]
    write_band_run(runs, removed, parts, writer)


def _group(
    documents: DocumentTable, candidate_files: int, files: Sequence[File], writer: TaskWriter
) -> None:
    writer.facts["files"] = write_groups(documents, candidate_files, files, writer)


def _verify(
    minhash: MinHashConfig, keep: KeepConfig, runs: Runs, file: int, writer: TaskWriter
) -> None:
    """Write the near-duplicates of a file of groups, each with its representative."""
    verifier = _Verifier(minhash, keep, runs, writer.partial)
    rows: list[tuple[int, int, float]] = []
    for batch in _batches(groups(writer.partial / scratch("groups", file))):
        rows += verifier.duplicates(batch)
    if minhash.action == "label":  # the representative is labelled, too
        kept = {kept for _, kept, _ in rows if kept >= runs.documents.first}
        rows += [(number, number, 1.0) for number in kept]
    with writer.scratch_file(scratch("near", writer.number)) as path:
        write_removals(path, rows)


Group = dict[int, list[int]]
"""The keys of each document of a group."""


def _batches(found: Iterable[Group]) -> Iterator[list[Group]]:
    """Yield groups, several at a time, whose documents are read together."""
    batch: list[Group] = []
    documents = 0
    for group in found:
        if batch and documents + len(group) > AT_ONCE:
            yield batch
            batch, documents = [], 0
        batch.append(group)
        documents += len(group)
    if batch:
        yield batch


class _Verifier:
    """Decides which documents of a group are near-duplicates of which."""

    def __init__(self, minhash: MinHashConfig, keep: KeepConfig, runs: Runs, partial: Path) -> None:
        self._minhash = minhash
        self._keep = keep
        self._documents = runs.documents
        self._signatures = Signatures(runs, partial)

    def duplicates(self, batch: Sequence[Group]) -> Iterator[tuple[int, int, float]]:
        """Yield the near-duplicates of some groups, their representatives and similarities."""
        numbers = [number for group in batch for number in group]
        keys = self._documents.keys(numbers)
        if len(numbers) <= AT_ONCE:
            self._signatures.read_ahead(numbers)
        for group in batch:
            order = sorted(group, key=partial(self._rank, keys))
            ahead = partial(iter if len(numbers) <= AT_ONCE else self._ahead, order)
            found = star_clusters(
                ahead(),
                group.__getitem__,
                self._signatures.similarity,
                self._minhash.min_similarity,
                always_kept=lambda number: number < self._documents.first,
                bound=self._bound(order, ahead) if len(order) >= LARGE_GROUP else None,
            )
            for number, (kept, similarity) in found.items():
                yield number, kept, similarity

    def _rank(self, keys: Mapping[int, DocumentKey], number: int) -> tuple[Any, ...]:
        return (number >= self._documents.first, sort_key(self._keep, keys[number]), number)

    def _ahead(self, order: Sequence[int]) -> Iterator[int]:
        for start in range(0, len(order), AT_ONCE):
            self._signatures.read_ahead(order[start : start + AT_ONCE])
            yield from order[start : start + AT_ONCE]

    def _bound(self, order: Sequence[int], ahead: Callable[[], Iterable[int]]) -> "_Bound":
        def read() -> Iterator[Shingles]:
            return map(self._signatures.of, ahead())

        threshold = self._minhash.min_similarity
        sample = [self._signatures.of(number) for number in order[:: -(-len(order) // SAMPLED)]]

        def shared() -> PrefixFilter | None:
            trial = PrefixFilter(lambda: sample, len(sample), threshold)
            found = [trial.earlier(number, each) for number, each in enumerate(sample)]
            decides = 2 * sum(each is not None for each in found) > len(sample)
            return PrefixFilter(read, len(order), threshold) if decides else None

        bound = SimilarityBound(sample, len(order), threshold)
        return _Bound(order, shared, bound, self._signatures)


class _Bound:
    """Decides which documents of a group can't be similar enough, by their number.

    The prefix filter is made when it is first needed: where most documents are removed, it isn't.
    Where it hardly ever decides about a sample, it isn't made, or else no longer asked.
    """

    def __init__(
        self,
        order: Sequence[int],
        shared: Callable[[], PrefixFilter | None],
        bound: SimilarityBound,
        signatures: Signatures,
    ) -> None:
        self._rank_of = {number: rank for rank, number in enumerate(order)}
        self._shared = cache(shared)
        self._bound, self._signatures = bound, signatures
        self._trust = TRUST
        self._position_of = np.full(len(order), -1, np.int64)
        self._kept = 0

    def keep(self, document: int) -> None:
        """Take the next document that is kept."""
        self._position_of[self._rank_of[document]] = self._kept
        self._kept += 1
        self._bound.keep(self._signatures.of(document))

    def candidates(self, document: int) -> Positions | None:
        """Return which kept documents share a rare shingle; None if they are too many."""
        if not self._trust or (shared := self._shared()) is None:
            return None
        ranks = shared.earlier(self._rank_of[document], self._signatures.of(document))
        if ranks is None:
            self._trust -= 1
            return None
        self._trust += 1
        positions = self._position_of[ranks]
        return positions[positions >= 0]

    def plausible(self, document: int, kept: Positions) -> Positions:
        """Return which of some kept documents may be similar, by their bits."""
        return self._bound.plausible(self._signatures.of(document), kept)
