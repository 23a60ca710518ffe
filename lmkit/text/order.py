"""In which order documents come, as a number for each, out of core.

    .partial/order-00003.scratch    the documents of task 3, in order
    .partial/ranks-00000.scratch    the rank of each document, by its number over all tasks

Choice: each task sorts its own names, and one task merges them, a few names of each at a time. A
billion names take one processor about an hour; what is held is 8 bytes a document, on disk.
"""

from collections.abc import Iterator
from functools import partial
from heapq import merge
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter
from lmkit.text.keeping import Keep
from lmkit.text.names import Names
from lmkit.text.passes import scratch

AT_ONCE = 64
"""Names of each task that are held while all are merged."""


def rank_documents(folder: OutputFolder, keep: Keep, tasks: int, workers: int) -> None:
    """Write the ranks of all documents."""
    sort = partial(_write_order, keep, tasks)
    folder.run("order", sort, range(tasks), workers=workers, label="ordering")
    folder.run("ranks", partial(_write_ranks, keep), [tasks], label="ranking")


def ranks(folder: Path) -> NDArray[np.int64]:
    """Return the rank of each document, mapped from disk."""
    path = folder / scratch("ranks", 0)
    return np.memmap(path, np.int64, "r") if path.stat().st_size else np.empty(0, np.int64)


def _write_order(keep: Keep, tasks: int, task: int, writer: TaskWriter) -> None:
    names = Names(writer.partial, tasks)
    first, stop = (int(number) for number in names.starts[task : task + 2])
    mine = names.of(range(first, stop))
    order = sorted(mine, key=lambda number: (keep.rank(mine[number]), number))
    with writer.scratch_file(scratch("order", writer.number)) as path:
        path.write_bytes(np.array(order, np.int64).tobytes())


def _write_ranks(keep: Keep, tasks: int, writer: TaskWriter) -> None:
    names = Names(writer.partial, tasks)
    ordered = (_ordered(keep, names, writer.partial / scratch("order", n)) for n in range(tasks))
    with writer.scratch_file(scratch("ranks", writer.number)) as path:
        path.touch()
        if count := int(names.starts[-1]):
            found = np.memmap(path, np.int64, "w+", shape=(count,))
            for rank, (_, number) in enumerate(merge(*ordered)):
                found[number] = rank
            found.flush()


def _ordered(keep: Keep, names: Names, path: Path) -> Iterator[tuple[Any, int]]:
    count = path.stat().st_size // 8
    for start in range(0, count, AT_ONCE):
        some = np.fromfile(path, np.int64, min(AT_ONCE, count - start), offset=8 * start)
        found = names.of(some)
        yield from ((keep.rank(found[number]), number) for number in some.tolist())
