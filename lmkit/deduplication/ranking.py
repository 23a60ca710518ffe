"""In which order documents come, as a number for each, out of core.

    .partial/order-00003.scratch    the documents of task 3, in order
    .partial/ranks-00000.scratch    the rank of each document

Choice: each task sorts its own names, and one task merges them, a few names of each at a time. A
billion names take one processor about an hour; what is held is 8 bytes a document, on disk.
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
"""Names of each task that are held while all are merged."""


def rank_documents(
    folder: OutputFolder, keep: KeepConfig, notes: DocumentTable, workers: int
) -> None:
    """Write the ranks of all documents but those of an index."""
    tasks = range(len(notes.parts) - notes.older)
    sort = partial(_write_order, keep, notes)
    folder.run("order", sort, tasks, workers=workers, label="ordering")
    folder.run("ranks", partial(_write_ranks, keep), [notes], label="ranking")


def ranks(partial: Path) -> Numbers:
    """Return the rank of each document, by its number without those of an index."""
    path = partial / scratch("ranks", 0)
    return np.memmap(path, np.int64, "r") if path.stat().st_size else np.empty(0, np.int64)


def _write_order(keep: KeepConfig, notes: DocumentTable, task: int, writer: TaskWriter) -> None:
    names = notes.names(range(*notes.of_task(task)))
    order = sorted(names, key=lambda number: (sort_key(keep, names[number]), number))
    with writer.scratch_file(scratch("order", writer.number)) as path:
        path.write_bytes(np.array(order, np.int64).tobytes())


def _write_ranks(keep: KeepConfig, notes: DocumentTable, writer: TaskWriter) -> None:
    tasks = range(len(notes.parts) - notes.older)
    ordered = (_ordered(keep, notes, writer.partial / scratch("order", task)) for task in tasks)
    with writer.scratch_file(scratch("ranks", writer.number)) as path:
        path.touch()
        if count := int(notes.starts[-1]) - notes.first:
            found = np.memmap(path, np.int64, "w+", shape=(count,))
            for rank, (_, number) in enumerate(merge(*ordered)):
                found[number - notes.first] = rank
            found.flush()


def _ordered(keep: KeepConfig, notes: DocumentTable, path: Path) -> Iterator[tuple[Any, int]]:
    count = path.stat().st_size // 8
    for start in range(0, count, AT_ONCE):
        some = np.fromfile(path, np.int64, min(AT_ONCE, count - start), offset=8 * start)
        names = notes.names(some)
        yield from ((sort_key(keep, names[number]), number) for number in some.tolist())
