"""The rank of each document: its position in the order of precedence, out of core.

    .partial/order-00003.scratch    the documents of task 3, in order
    .partial/ranks-00000.scratch    the rank of each document

Choice: each task sorts its own document keys, and one task merges them, a few keys of each at a
time. A billion keys take one processor about an hour; 8 bytes per document are stored, on disk.
"""

from collections.abc import Iterator
from functools import partial
from heapq import merge
from pathlib import Path
from typing import Any

import numpy as np

from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter, scratch
from lmkit.deduplication.document_table import DocumentTable, Numbers
from lmkit.deduplication.keep_policy import sort_key
from lmkit.deduplication.options import KeepConfig

AT_ONCE = 64
"""Document keys of each task that are in memory while all are merged."""


def rank_documents(
    folder: OutputFolder, keep: KeepConfig, documents: DocumentTable, workers: int
) -> None:
    """Write the ranks of all documents except those of the crawl index."""
    tasks = range(len(documents.parts) - documents.older)
    sort = partial(_write_order, keep, documents)
    folder.run("order", sort, tasks, workers=workers, label="ordering documents")
    folder.run("ranks", partial(_write_ranks, keep), [documents], label="ranking documents")


def ranks(partial: Path) -> Numbers:
    """Return the rank of each document, by its number without those of the crawl index."""
    path = partial / scratch("ranks", 0)
    return np.memmap(path, np.int64, "r") if path.stat().st_size else np.empty(0, np.int64)


def _write_order(keep: KeepConfig, documents: DocumentTable, task: int, writer: TaskWriter) -> None:
    keys = documents.keys(range(*documents.of_task(task)))
    order = sorted(keys, key=lambda number: (sort_key(keep, keys[number]), number))
    with writer.scratch_file(scratch("order", writer.number)) as path:
        path.write_bytes(np.array(order, np.int64).tobytes())


def _write_ranks(keep: KeepConfig, documents: DocumentTable, writer: TaskWriter) -> None:
    tasks = range(len(documents.parts) - documents.older)
    ordered = (_ordered(keep, documents, writer.partial / scratch("order", task)) for task in tasks)
    with writer.scratch_file(scratch("ranks", writer.number)) as path:
        path.touch()
        if count := int(documents.starts[-1]) - documents.first:
            found = np.memmap(path, np.int64, "w+", shape=(count,))
            for rank, (_, number) in enumerate(merge(*ordered)):
                found[number - documents.first] = rank
            found.flush()


def _ordered(keep: KeepConfig, documents: DocumentTable, path: Path) -> Iterator[tuple[Any, int]]:
    count = path.stat().st_size // 8
    for start in range(0, count, AT_ONCE):
        some = np.fromfile(path, np.int64, min(AT_ONCE, count - start), offset=8 * start)
        keys = documents.keys(some)
        yield from ((sort_key(keep, keys[number]), number) for number in some.tolist())
