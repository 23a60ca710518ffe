"""Signatures of documents on disk, and the search for those that are nearly the same.

    .partial/bands-00003.scratch      the band keys of task 3's documents
    .partial/shingles-00003.scratch   their shingles, end to end
    .partial/sizes-00003.scratch      how many shingles each document has
    .partial/mates-00007.scratch      of band 7: the documents that share their key, and the key

Choices:
- A band is matched by itself, by sorting: that takes the memory of one band, 16 bytes a document,
  so 16 GB for a billion. Then come the documents that have a mate in any band, 16 bytes for each
  band in which they have one, and some hundred bytes for their place among the candidates.
- Shingles stay on disk, and are mapped only for candidates. They take some 8 bytes a word, more
  than the text when it is compressed: 5 TB for a billion documents of 700 words.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.tasks import TaskWriter
from lmkit.text.gone import Gone, numbers_of
from lmkit.text.minhash import Bands, Hashes, WordHashes, jaccard, shingles
from lmkit.text.passes import scratch

Array = NDArray[Any]


@contextmanager
def writing_signatures(writer: TaskWriter, bands: Bands) -> Generator[Callable[[str], None]]:
    """Hand out what is called with each text of a task, for later tasks to compare."""
    words = WordHashes()
    sizes: list[int] = []
    keys: list[Hashes] = []
    with (
        writer.scratch_file(scratch("bands", writer.number)) as bands_path,
        writer.scratch_file(scratch("shingles", writer.number)) as shingles_path,
        writer.scratch_file(scratch("sizes", writer.number)) as sizes_path,
    ):
        with shingles_path.open("wb") as shingles_file:

            def note(text: str) -> None:
                hashes = shingles(text, words)
                shingles_file.write(hashes.tobytes())
                keys.append(bands.keys(hashes))
                sizes.append(len(hashes))

            yield note
        by_band = np.stack(keys, axis=1) if keys else np.empty((bands.bands, 0), np.uint64)
        bands_path.write_bytes(by_band.tobytes())
        sizes_path.write_bytes(np.array(sizes, np.int64).tobytes())


def write_mates(tasks: int, gone: Sequence[Gone], band: int, writer: TaskWriter) -> None:
    """Write which documents share their key of a band; `gone` are those left out."""
    parts = [np.empty(0, np.uint64)]
    numbers = [np.empty(0, np.int64)]
    start = 0
    for task in range(tasks):
        sizes = _sizes(writer.partial, task)
        wanted = sizes > 0
        wanted[numbers_of(gone, start, start + len(sizes)) - start] = False
        path = writer.partial / scratch("bands", task)
        keys = np.fromfile(path, np.uint64, len(sizes), offset=8 * band * len(sizes))
        parts.append(keys[wanted])
        numbers.append(np.nonzero(wanted)[0] + start)
        start += len(sizes)
    keys, number = np.concatenate(parts), np.concatenate(numbers)
    order = np.argsort(keys, kind="stable")
    same = keys[order][1:] == keys[order][:-1]
    shared = order[np.append(same, False) | np.insert(same, 0, False)] if len(keys) else order
    with writer.scratch_file(scratch("mates", writer.number)) as path:
        mates = np.stack([number[shared].astype(np.uint64), keys[shared]], axis=1)
        path.write_bytes(mates.tobytes())


def buckets(partial: Path, bands: int) -> dict[int, list[tuple[int, int]]]:
    """Return the band and key of each document that shares it with another."""
    found: dict[int, list[tuple[int, int]]] = {}
    for band in range(bands):
        mates = _mapped(partial / scratch("mates", band), np.uint64).reshape(-1, 2)
        for number, key in mates.tolist():
            found.setdefault(number, []).append((band, key))
    return found


class Signatures:
    """The shingles of all documents, by their number over all tasks."""

    def __init__(self, partial: Path, tasks: int) -> None:
        self._partial = partial
        sizes = [_sizes(partial, task) for task in range(tasks)]
        self.starts = np.cumsum([0, *(len(part) for part in sizes)])
        self._ends = [np.cumsum(part) for part in sizes]
        self._sizes = sizes
        self._of = lru_cache(4096)(self._read)

    def task_of(self, number: int) -> tuple[int, int]:
        """Return a document's task, and its number in that."""
        task = int(np.searchsorted(self.starts, number, "right")) - 1
        return task, number - int(self.starts[task])

    def similarity(self, one: int, other: int) -> float:
        """Return the Jaccard similarity of two documents."""
        return jaccard(self._of(one), self._of(other))

    def _read(self, number: int) -> Hashes:
        task, index = self.task_of(number)
        end = int(self._ends[task][index])
        start = end - int(self._sizes[task][index])
        path = self._partial / scratch("shingles", task)
        return np.fromfile(path, np.uint64, end - start, offset=8 * start)


def _sizes(partial: Path, task: int) -> NDArray[np.int64]:
    return np.fromfile(partial / scratch("sizes", task), np.int64)


def _mapped(path: Path, kind: type[np.uint64]) -> Array:
    return np.memmap(path, kind, "r") if path.stat().st_size else np.empty(0, kind)
