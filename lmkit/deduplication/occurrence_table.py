"""Where equal spans occur in all documents, and which occurrence is the first; out of core.

    .partial/lines-00003.scratch         what task 3 has written: key, document, position
    .partial/lines-found-00007.scratch   of partition 7: occurrences that repeat another

Choices:
- A task writes 16 bytes per occurrence, in runs of two million that are sorted by key. A partition
  is a range of keys: it is read out of every run by binary search and matched by itself, so that
  memory is bounded by one partition, whatever the total. The number of partitions is chosen so
  that each holds some sixteen million occurrences.
- The first occurrence is the one in the document that ranks first, and in that document the one
  with the lowest position. Ranks are one number per document, on disk.
- Within a document, an occurrence that overlaps the first is no repeat: of "ha ha ha …", as many
  words are kept as one passage has.
- Estimated: passages of 50 words write an occurrence per word. A billion documents of 700 words
  make 11 TB, in 45,000 partitions; where that is too much, lines and paragraphs need a tenth or
  less of it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.tasks import TaskFiles, TaskWriter
from lmkit.deduplication.columns import Numbers, mapped

Keys = NDArray[np.uint64]
ROW = np.dtype([("key", "<u8"), ("document", "<u4"), ("position", "<u4")])
FOUND = np.dtype(
    [("document", "<i8"), ("position", "<u4"), ("first_position", "<u4"), ("first", "<i8")]
)
RUN = 1 << 21
"""Occurrences that are sorted at a time."""
PARTITION = 1 << 24
"""Occurrences that are matched at a time."""


class OccurrencesFile(TaskFiles):
    """The occurrences of one kind in the documents of a task, being written."""

    def __init__(self, writer: TaskWriter, kind: str, run: int = RUN) -> None:
        super().__init__()
        path = self.stack.enter_context(writer.scratch_file(f"{kind}-{writer.number:05d}.scratch"))
        self._file = self.stack.enter_context(path.open("wb"))
        self._run = run
        self._buffered: list[NDArray[Any]] = []
        self._size = self._document = 0

    def add(self, keys: Keys, positions: Numbers) -> None:
        """Add the keys of the next document and their positions in it, even if it has none."""
        rows = np.empty(len(keys), ROW)
        rows["key"], rows["document"], rows["position"] = keys, self._document, positions
        self._document += 1
        self._buffered.append(rows)
        self._size += len(rows)
        while self._size >= self._run:
            self._flush(self._run)

    def _flush(self, count: int) -> None:
        rows = np.concatenate([*self._buffered, np.empty(0, ROW)])
        self._buffered, self._size = [rows[count:]], len(rows) - count
        # Equal keys remain in the order of documents and positions.
        self._file.write(rows[:count][np.argsort(rows["key"][:count], kind="stable")].tobytes())

    def close(self) -> None:
        """Write the last run."""
        self._flush(self._size)


def partition_count(partial: Path, kind: str, tasks: int, partition: int = PARTITION) -> int:
    """Return the number of partitions of the keys."""
    sizes = ((partial / f"{kind}-{task:05d}.scratch").stat().st_size for task in range(tasks))
    return max(1, -(-sum(sizes) // ROW.itemsize // partition))


class Corpus(Protocol):
    """What is known of all documents, by their number over all tasks."""

    starts: Numbers
    """The number of the first document of each task, and how many there are in all."""

    def removed(self, task: int) -> Numbers:
        """Return the documents of a task that are removed."""
        ...

    def ranks(self, numbers: Numbers) -> Numbers:
        """Return the ranks of documents."""
        ...


def write_found(
    writer: TaskWriter, kind: str, corpus: Corpus, partitions: int, width: int, run: int = RUN
) -> None:
    """Write which occurrences of a partition are repeats; each is `width` positions wide."""
    parts = [np.empty(0, FOUND)]
    keys = [np.empty(0, np.uint64)]
    for task in range(len(corpus.starts) - 1):
        removed = corpus.removed(task) - corpus.starts[task]
        for rows in _runs(writer.partial / f"{kind}-{task:05d}.scratch", run):
            selected = np.array(rows[slice(*_range(rows["key"], writer.number, partitions))])
            selected = (
                selected[~np.isin(selected["document"], removed)] if len(removed) else selected
            )
            part = np.zeros(len(selected), FOUND)
            part["document"] = selected["document"] + corpus.starts[task]
            part["position"] = selected["position"]
            parts.append(part)
            keys.append(selected["key"])
    found = repeats(np.concatenate(keys), np.concatenate(parts), corpus, width)
    with writer.scratch_file(f"{kind}-found-{writer.number:05d}.scratch") as path:
        path.write_bytes(found[np.argsort(found["document"], kind="stable")].tobytes())


def repeats(keys: Keys, rows: NDArray[Any], corpus: Corpus, width: int) -> NDArray[Any]:
    """Return the rows that repeat the first row with the same key, with the position of that."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    same = ordered[1:] == ordered[:-1]
    shared = np.append(same, False) | np.insert(same, 0, False) if len(keys) else same
    keys, rows = ordered[shared], rows[order[shared]]
    order = np.lexsort((rows["position"], corpus.ranks(rows["document"]), keys))
    keys, rows = keys[order], rows[order]
    begins = np.insert(keys[1:] != keys[:-1], 0, True) if len(keys) else np.empty(0, bool)
    first = rows[begins][np.cumsum(begins) - 1]
    rows["first"], rows["first_position"] = first["document"], first["position"]
    apart = rows["position"].astype(np.int64) - first["position"] >= width
    return rows[~begins & ((rows["document"] != first["document"]) | apart)]


def read_found(partial: Path, kind: str, partitions: int, first: int, stop: int) -> NDArray[Any]:
    """Read the repeats in documents `first` to `stop`, in the order of the documents."""
    parts = [np.empty(0, FOUND)]
    for partition in range(partitions):
        rows = mapped(partial / f"{kind}-found-{partition:05d}.scratch", FOUND)
        low, high = (_bisected(rows["document"], border) for border in (first, stop))
        parts.append(np.array(rows[low:high]))
    found = np.concatenate(parts)
    return found[np.lexsort((found["position"], found["document"]))]


def _runs(path: Path, run: int) -> Sequence[NDArray[Any]]:
    rows = mapped(path, ROW)
    return [rows[start : start + run] for start in range(0, len(rows), run)]


def _range(keys: Keys, number: int, partitions: int) -> tuple[int, int]:
    """Return the range of the keys of a partition; the keys are sorted."""
    return _bisected(keys, (number << 64) // partitions), _bisected(
        keys, ((number + 1) << 64) // partitions
    )


def _bisected(keys: NDArray[Any], border: int) -> int:
    """Return how many keys are below a border, by binary search: it reads only a few of them."""
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if int(keys[middle]) < border else (low, middle)
    return low
