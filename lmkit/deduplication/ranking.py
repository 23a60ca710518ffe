"""The rank of each document: its position in the order of precedence, out of core.

    .partial/rank-borders-00000.scratch    the keys of documents at which partitions begin
    .partial/order-00003.scratch           where each partition begins in task 3, and its documents
                                           in order
    .partial/rank-parts-00007.scratch      all documents of partition 7, in order
    .partial/ranks-00000.scratch           the rank of each document

Choices:
- A partition is a range of the order of precedence, between keys of a sample of documents. Each
  task sorts its own documents, and each partition is sorted by itself: half a million keys, which
  take some 0.5 GB.
- Ranks are one number of 8 bytes per document, on disk. One task writes them all, in arrays.
"""

from bisect import bisect_left
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.sorted_runs import partitions_of
from lmkit.artifacts.tasks import TaskWriter, scratch
from lmkit.deduplication.columns import mapped
from lmkit.deduplication.document_table import DocumentTable, Numbers
from lmkit.deduplication.keep_policy import DocumentKey, sort_key
from lmkit.deduplication.options import KeepConfig
from lmkit.storage.json_bytes import from_json, to_json

PARTITION = 1 << 19
"""Documents that are sorted at a time, about."""
SAMPLED = 64
"""Documents of the sample for each partition."""


def rank_documents(
    folder: OutputFolder, keep: KeepConfig, documents: DocumentTable, workers: int
) -> None:
    """Write the ranks of all documents except those of the crawl index."""
    tasks = range(len(documents.parts) - documents.older)
    partitions = partitions_of(int(documents.starts[-1]) - documents.first, PARTITION)
    choose = partial(_write_borders, keep, documents)
    folder.run("rank-borders", choose, [partitions], label="sampling documents")
    sort = partial(_write_order, keep, documents)
    folder.run("order", sort, tasks, workers=workers, label="ordering documents")
    merge = partial(_write_partition, keep, documents)
    each = range(partitions)
    folder.run("rank-parts", merge, each, workers=workers, label="merging orders")
    folder.run("ranks", partial(_write_ranks, documents), [partitions], label="ranking documents")


def ranks(partial: Path) -> Numbers:
    """Return the rank of each document, by its number without those of the crawl index."""
    return mapped(partial / scratch("ranks", 0), np.int64)


def _write_borders(
    keep: KeepConfig, documents: DocumentTable, partitions: int, writer: TaskWriter
) -> None:
    """Write the keys of the first documents of all partitions but the first."""
    sampled = np.linspace(documents.first, int(documents.starts[-1]), SAMPLED * partitions, False)
    keys = documents.keys(np.unique(sampled.astype(np.int64))) if partitions > 1 else {}
    order = sorted(keys, key=lambda number: _rank(keep, keys, number))
    borders = [order[part * len(order) // partitions] for part in range(1, partitions)]
    with writer.scratch_file(scratch("rank-borders", writer.number)) as path:
        path.write_bytes(to_json([[number, list(keys[number])] for number in borders]))


def _rank(keep: KeepConfig, keys: dict[int, DocumentKey], number: int) -> tuple[Any, int]:
    return sort_key(keep, keys[number]), number


def _write_order(keep: KeepConfig, documents: DocumentTable, task: int, writer: TaskWriter) -> None:
    found = from_json((writer.partial / scratch("rank-borders", 0)).read_bytes())
    borders = [(sort_key(keep, DocumentKey(*key)), number) for number, key in found]
    keys = documents.keys(range(*documents.of_task(task)))
    order = sorted(_rank(keep, keys, number) for number in keys)
    begins = [0, *(bisect_left(order, border) for border in borders), len(order)]
    with writer.scratch_file(scratch("order", writer.number)) as path:
        numbers = [number for _, number in order]
        path.write_bytes(np.array([*begins, *numbers], np.int64).tobytes())


def _write_partition(
    keep: KeepConfig, documents: DocumentTable, partition: int, writer: TaskWriter
) -> None:
    partitions = partitions_of(int(documents.starts[-1]) - documents.first, PARTITION)
    parts = [np.empty(0, np.int64)]
    for task in range(len(documents.parts) - documents.older):
        order = mapped(writer.partial / scratch("order", task), np.int64)
        first, stop = (order[partition : partition + 2] + partitions + 1).tolist()
        parts.append(np.array(order[first:stop]))
    keys = documents.keys(np.concatenate(parts))
    numbers = sorted(keys, key=lambda number: _rank(keep, keys, number))
    with writer.scratch_file(scratch("rank-parts", writer.number)) as path:
        path.write_bytes(np.array(numbers, np.int64).tobytes())


def _write_ranks(documents: DocumentTable, partitions: int, writer: TaskWriter) -> None:
    with writer.scratch_file(scratch("ranks", writer.number)) as path:
        path.touch()
        if count := int(documents.starts[-1]) - documents.first:
            found = np.memmap(path, np.int64, "w+", shape=(count,))
            rank = 0
            for partition in range(partitions):
                numbers = mapped(writer.partial / scratch("rank-parts", partition), np.int64)
                found[numbers - documents.first] = np.arange(rank, rank + len(numbers))
                rank += len(numbers)
            found.flush()
