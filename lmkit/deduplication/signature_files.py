"""Signatures of documents on disk, and the candidate pairs that follow from them.

    .partial/bands-00003.scratch      the keys of task 3's documents, one band after another
    .partial/shingles-00003.scratch   their shingles, concatenated
    .partial/sizes-00003.scratch      how many shingles each has
    .partial/mates-00007.scratch      of band 7: the documents that share their key, and the key
    .partial/groups-00002.scratch     documents with their keys, and the group that they belong to

Choices:
- A band is matched by itself, by sorting: that takes some 40 bytes per document, and beyond 64
  million documents, a band is matched in partitions of its keys.
- Documents that share a key, directly or through others, are a group: what is decided about them
  depends on no other document. Groups are distributed over files, each verified by its own task:
  that takes the memory of one file, or of one group where that is larger.
- A billion documents of 700 words, estimated: 112 GB of keys and 2.8 TB of shingles on disk, which
  are read once in order, and then only for candidates; 16 tasks of 2.6 GB each per band; 24 GB
  while groups are formed, since each document has a label then.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.tasks import TaskFiles, TaskWriter, scratch
from lmkit.deduplication.clustering import components
from lmkit.deduplication.columns import ByBand, Numbers, Ragged, mapped
from lmkit.deduplication.document_table import DocumentTable
from lmkit.deduplication.minhash import Bands
from lmkit.deduplication.removal_table import Removals, removed_in
from lmkit.deduplication.shingles import Shingles, jaccard, shingles

BATCH = 1 << 16
"""Minimum number of characters whose shingles are computed at a time."""
MATCHED = 1 << 26
"""Documents that are matched at a time."""
CANDIDATES = np.dtype([("number", "<i8"), ("key", "<u8")])
GROUPED = np.dtype([("group", "<i8"), ("number", "<i8"), ("key", "<u8")])
EDGES = 1 << 20
GROUPED_ROWS = 1 << 21
"""Rows of a file of groups, unless a single group has more: 50 MB."""
MAX_FILES = 256


BANDS = ByBand("bands", "uint64")
SHINGLES = Ragged("shingles", "uint32", lengths="sizes", labelled_lose_it=True)


class SignaturesFile(TaskFiles):
    """The shingles of the texts of a task and their signatures, being written."""

    def __init__(self, writer: TaskWriter, bands: Bands) -> None:
        super().__init__()
        self._bands = bands
        self._keys = self.stack.enter_context(BANDS.open(writer))
        self._shingles = self.stack.enter_context(SHINGLES.open(writer))
        self._waiting: list[str] = []
        self._characters = 0

    def add(self, text: str) -> None:
        """Add the next text, in folded form."""
        self._waiting.append(text)
        self._characters += len(text) + 1
        if self._characters >= BATCH:
            self._flush()

    def _flush(self) -> None:
        found, lengths = shingles(self._waiting)
        self._shingles.add(found.tobytes(), lengths.tolist())
        self._keys.add(self._bands.keys(found, lengths))
        self._waiting.clear()
        self._characters = 0

    def close(self) -> None:
        """Write those of the last texts."""
        self._flush()


def matching_tasks(documents: int, bands: int) -> list[tuple[int, int, int]]:
    """Return the matching tasks: band, partition, number of partitions."""
    parts = max(1, -(-documents // MATCHED))
    return [(band, part, parts) for band in range(bands) for part in range(parts)]


def write_candidate_pairs(
    documents: DocumentTable,
    removed: Sequence[Removals],
    band_part: tuple[int, int, int],
    writer: TaskWriter,
) -> None:
    """Write which documents share their key of a band, without those that are `removed`."""
    band, partition, partitions = band_part
    parts, numbers = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for part, start in zip(documents.parts, documents.starts[:-1].tolist(), strict=True):
        sizes = SHINGLES.counts(part)
        eligible = sizes > 0
        eligible[removed_in(removed, start, start + len(sizes)) - start] = False
        keys = BANDS.band(part, band, len(sizes))
        if partitions > 1:
            eligible &= keys % np.uint64(partitions) == partition
        parts.append(keys[eligible])
        numbers.append(np.nonzero(eligible)[0] + start)
    keys, number = np.concatenate(parts), np.concatenate(numbers)
    order = np.argsort(keys, kind="stable")
    keys, number = keys[order], number[order]
    bucket = np.cumsum(np.append(True, keys[1:] != keys[:-1])[: len(keys)]) - 1
    members = np.bincount(bucket)
    new_members = np.bincount(bucket, weights=number >= documents.first)
    shared = ((members > 1) & (new_members > 0))[bucket]
    candidates = np.empty(int(shared.sum()), CANDIDATES)
    candidates["number"], candidates["key"] = number[shared], keys[shared]
    with writer.scratch_file(scratch("mates", writer.number)) as path:
        candidates.tofile(path)


def write_groups(documents: DocumentTable, bands: int, writer: TaskWriter) -> int:
    """Write the candidates, group by group; return the number of files.

    `bands` is the number of files of candidates.
    """
    candidates = [
        mapped(writer.partial / scratch("mates", band), CANDIDATES) for band in range(bands)
    ]

    def pieces() -> Iterator[NDArray[Any]]:
        for band in candidates:
            for start in range(0, len(band), EDGES):
                yield band[start : start + EDGES + 1]  # the last is the first of the next

    def edges() -> Iterator[tuple[Numbers, Numbers]]:
        for rows in pieces():
            same = rows["key"][1:] == rows["key"][:-1]
            yield rows["number"][:-1][same], rows["number"][1:][same]

    total = int(documents.starts[-1])
    group_of = components(total, edges)
    rows_of = np.zeros(total, np.int64)
    for rows in pieces():
        np.add.at(rows_of, group_of[rows["number"][:EDGES]], 1)
    count = int(rows_of.sum())
    file_of = (np.cumsum(rows_of) - rows_of) // max(GROUPED_ROWS, -(-count // MAX_FILES))
    files = int(file_of[rows_of > 0].max()) + 1 if count else 0
    with ExitStack() as stack:
        paths = [
            stack.enter_context(writer.scratch_file(scratch("groups", n))) for n in range(files)
        ]
        with ExitStack() as open_files:
            handles = [open_files.enter_context(path.open("wb")) for path in paths]
            for rows in pieces():
                _distribute(rows[:EDGES], group_of, file_of, handles)
    return files


def _distribute(
    rows: NDArray[Any], group_of: Numbers, file_of: Numbers, handles: Sequence[Any]
) -> None:
    grouped = np.empty(len(rows), GROUPED)
    grouped["number"], grouped["key"] = rows["number"], rows["key"]
    grouped["group"] = group_of[rows["number"]]
    files = file_of[grouped["group"]]
    for file in np.unique(files).tolist():
        handles[file].write(grouped[files == file].tobytes())


def groups(path: Path) -> Iterator[dict[int, list[int]]]:
    """Yield each group of a file: the keys of each of its documents."""
    rows = np.fromfile(path, GROUPED)
    rows = rows[np.lexsort((rows["key"], rows["number"], rows["group"]))]
    borders = np.nonzero(np.diff(rows["group"], prepend=-1, append=-1))[0].tolist()
    for start, stop in pairwise(borders):
        keys_of: dict[int, list[int]] = {}
        part = rows[start:stop]
        for number, key in zip(part["number"].tolist(), part["key"].tolist(), strict=True):
            keys_of.setdefault(number, []).append(key)
        yield keys_of


class Signatures:
    """The shingles of all documents, by their number."""

    def __init__(self, documents: DocumentTable) -> None:
        self._documents = documents
        self._offsets = lru_cache(64)(self._offsets_of)
        self._of = lru_cache(4096)(self._read)

    def similarity(self, one: int, other: int) -> float:
        """Return the Jaccard similarity of two documents."""
        return jaccard(self._of(one), self._of(other))

    def _offsets_of(self, part: int) -> Numbers:
        return np.cumsum(np.append(0, SHINGLES.counts(self._documents.parts[part])))

    def _read(self, number: int) -> Shingles:
        part = int(np.searchsorted(self._documents.starts, number, "right")) - 1
        index = number - int(self._documents.starts[part])
        start, stop = self._offsets(part)[index : index + 2].tolist()
        path = self._documents.path("shingles", part)
        return np.fromfile(path, np.uint32, stop - start, offset=4 * start)
