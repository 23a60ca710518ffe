"""How many clusters there are of each size, and examples of near-duplicates; out of core.

    .partial/representatives-00003.scratch   of run 3: where each partition begins, then the
                                             representatives of its documents, in order
    .partial/similarities-00003.scratch      its near-duplicates, from the least similar on

Choices:
- A cluster is a representative, and all documents that are removed for it or labelled with it.
- A run holds some files of removed documents, a million rows. A partition is a range of the numbers
  of documents, of which each run holds the representatives together: so every row is read once, and
  the memory is that of a run or of a partition, however many documents are removed.
- Examples are near-duplicates spread evenly over their similarities, from the lowest on: those
  show whether the threshold is right. They are found by bisection in all runs, which reads only a
  few rows of each.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter, scratch
from lmkit.deduplication.columns import mapped
from lmkit.deduplication.document_table import DocumentTable
from lmkit.deduplication.keep_policy import DocumentKey
from lmkit.deduplication.matcher import Matcher
from lmkit.deduplication.removal_table import NO_REPRESENTATIVE, Numbers, Removals

EXAMPLES = 6
LARGEST = 5
RUN = 1 << 20
"""Rows of removed documents of a run, unless a single file has more."""
PARTITION = 1 << 22
"""Documents whose clusters are counted at a time."""
SIMILAR = np.dtype([("similarity", "<f8"), ("number", "<i8"), ("kept", "<i8")])
SHOWN = "near"
"""The reason of the documents that examples are chosen from."""

File = tuple[int, int]
"""A file of removed documents: the table, and its number in it."""
Run = tuple[File, ...]
Example = tuple[int, int, float]
"""A document, the one that is kept, and how similar they are."""


@dataclass(frozen=True)
class ClusterCounts:
    """How many clusters there are, and which documents show what they are like."""

    sizes: dict[int, int] = field(default_factory=dict[int, int])
    """The number of clusters by the number of their documents, in ascending order."""
    largest: Sequence[tuple[int, DocumentKey]] = ()
    """The number of documents of the largest clusters, and the key of the one that is kept."""
    examples: Sequence[Example] = ()


def count_clusters(
    folder: OutputFolder, matchers: Sequence[Matcher], documents: DocumentTable, workers: int
) -> ClusterCounts:
    """Count the clusters of what the matchers have found."""
    found = DuplicatesFound(tuple(matchers), documents)
    runs = runs_of([[len(rows) for rows in t.parts] for _, t in found.tables(folder.scratch)])
    folder.run(
        "representatives", found.write_run, runs, workers=workers, label="sorting duplicates"
    )
    count = _CountPartition(found, len(runs))
    parts = range(found.partitions)
    receipts = folder.run("clusters", count, parts, workers=workers, label="counting clusters")
    sizes: Counter[int] = Counter()
    largest: list[tuple[int, int]] = []
    for receipt in receipts:
        sizes.update(dict(receipt.facts["sizes"]))
        largest += receipt.facts["largest"]
    chosen = sorted(largest, key=lambda each: (-each[0], each[1]))[:LARGEST]
    keys = documents.keys([number for _, number in chosen])
    return ClusterCounts(
        dict(sorted(sizes.items())),
        [(size, keys[number]) for size, number in chosen],
        spread(
            mapped(folder.scratch / scratch("similarities", run), SIMILAR)
            for run in range(len(runs))
        ),
    )


def runs_of(rows: Sequence[Sequence[int]]) -> list[Run]:
    """Return the files of each run, given the number of rows in each file of each table.

    >>> runs_of([[600_000, 600_000], [10]])
    [((0, 0),), ((0, 1), (1, 0))]
    """
    runs: list[Run] = []
    run: list[File] = []
    size = 0
    for table, counts in enumerate(rows):
        for part, count in enumerate(counts):
            if run and size + count > RUN:
                runs.append(tuple(run))
                run, size = [], 0
            run.append((table, part))
            size += count
    return [*runs, tuple(run)] if run else runs


@dataclass(frozen=True)
class DuplicatesFound:
    """What the matchers have found, in runs."""

    matchers: tuple[Matcher, ...]
    documents: DocumentTable

    @property
    def partitions(self) -> int:
        """How many partitions the documents have."""
        return max(1, -(-int(self.documents.starts[-1]) // PARTITION))

    def tables(self, partial: Path) -> list[tuple[str, Removals]]:
        """Return the duplicates that each matcher has found, with the reason."""
        found = ((matcher.reason, matcher.duplicates(partial)) for matcher in self.matchers)
        return [(reason, table) for reason, table in found if table is not None]

    def write_run(self, run: Run, writer: TaskWriter) -> None:
        """Write the representatives of the documents of a run, and its near-duplicates."""
        tables = self.tables(writer.partial)
        kept, similar = [np.empty(0, np.int64)], [np.empty(0, SIMILAR)]
        for index, part in run:
            reason, table = tables[index]
            rows = table.parts[part]
            rows = rows[rows["kept"] != rows["number"]]
            others = rows["kept"].copy()
            for _, later in tables[index + 1 :]:
                others = later.representatives(others)
            kept.append(others[others != NO_REPRESENTATIVE])
            if reason == SHOWN:
                similar.append(_similar(rows[rows["kept"] >= self.documents.first]))
        numbers = np.sort(np.concatenate(kept))
        begins = np.searchsorted(numbers, PARTITION * np.arange(self.partitions + 1))
        with writer.scratch_file(scratch("representatives", writer.number)) as path:
            path.write_bytes(begins.astype(np.int64).tobytes() + numbers.tobytes())
        rows = np.concatenate(similar)
        with writer.scratch_file(scratch("similarities", writer.number)) as path:
            path.write_bytes(rows[np.lexsort((rows["number"], rows["similarity"]))].tobytes())

    def representatives(self, partial: Path, run: int, partition: int) -> Numbers:
        """Return the representatives of a run that are in a partition."""
        path = partial / scratch("representatives", run)
        first, stop = np.fromfile(path, np.int64, 2, offset=8 * partition).tolist()
        offset = 8 * (self.partitions + 1 + first)
        return np.fromfile(path, np.int64, stop - first, offset=offset)


def _similar(rows: NDArray[Any]) -> NDArray[Any]:
    found = np.empty(len(rows), SIMILAR)
    for name in SIMILAR.names or ():
        found[name] = rows[name]
    return found


@dataclass(frozen=True)
class _CountPartition:
    """The task that counts the clusters of one partition of the documents."""

    found: DuplicatesFound
    runs: int

    def __call__(self, partition: int, writer: TaskWriter) -> None:
        """Report how many clusters there are by size, and the largest."""
        parts = (
            self.found.representatives(writer.partial, run, partition) for run in range(self.runs)
        )
        numbers = np.concatenate([np.empty(0, np.int64), *parts])
        kept, counts = np.unique(numbers, return_counts=True)
        sizes, clusters = np.unique(counts + 1, return_counts=True)
        largest = np.lexsort((kept, -counts))[:LARGEST]
        writer.facts["sizes"] = np.stack([sizes, clusters], axis=1).tolist()
        writer.facts["largest"] = np.stack([counts[largest] + 1, kept[largest]], axis=1).tolist()


def spread(runs: Iterable[NDArray[Any]]) -> list[Example]:
    """Return near-duplicates spread evenly over their similarities.

    Each run is in the order of similarities, and of numbers where those are equal.
    """
    filled = [run for run in runs if len(run)]
    count = sum(map(len, filled))
    positions = np.unique(np.linspace(0, count - 1, EXAMPLES).astype(int)) if count else []
    return [_at(filled, int(position)) for position in positions]


def _at(runs: Sequence[NDArray[Any]], position: int) -> Example:
    """Return the row at a position in the order of all runs."""
    # The bits of two numbers that aren't negative are in the order of the numbers.
    bits = [run["similarity"].view(np.int64) for run in runs]
    similarity, position = _nth(bits, position)
    equal = [
        run[slice(*np.searchsorted(each, [similarity, similarity + 1]))]
        for run, each in zip(runs, bits, strict=True)
    ]
    number, _ = _nth([rows["number"] for rows in equal], position)
    found = [slice(*np.searchsorted(rows["number"], [number, number + 1])) for rows in equal]
    row = next(row for rows, at in zip(equal, found, strict=True) for row in rows[at])
    return number, int(row["kept"]), round(float(row["similarity"]), 6)


def _nth(columns: Sequence[Numbers], position: int) -> tuple[int, int]:
    """Return the value at a position of all sorted columns, and its position among equal ones."""

    def below(value: int) -> int:
        return sum(int(np.searchsorted(column, value)) for column in columns)

    low, high = 0, 1 << 62  # the value is at least `low`, and less than `high`
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if below(middle) <= position else (low, middle)
    return low, position - below(low)
