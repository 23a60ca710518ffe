"""Signatures of documents on disk, and the candidate pairs that follow from them.

    .partial/bands-00003.scratch      the keys of task 3's documents, one band after another
    .partial/shingles-00003.scratch   their shingles, concatenated
    .partial/sizes-00003.scratch      how many shingles each has
    .partial/bands-runs-00001.scratch the keys of run 1, each band sorted
    .partial/shingles-ends-00001.scratch  where the shingles of each of its documents end
    .partial/mates-00007.scratch      of band 7: the documents that share their key, and the key
    .partial/forests-0-00001.scratch  of some bands: documents of one component, in pairs
    .partial/groups-00002.scratch     documents with their keys, and the group that they belong to

Choices:
- Keys are sorted in runs, and matched band by band; beyond 16 million documents, in partitions of
  the keys of a band, which takes some 40 bytes per document. A partition reads its range of each
  run, so all keys are read once from the notes and once from the runs, however many there are.
- Documents that share a key, directly or through others, are a group: what is decided about them
  depends on no other document. Groups are distributed over files, each verified by its own task:
  that takes the memory of one file, or of one group where that is larger.
- Which documents are one group is found in forests: of the components of several partitions, a pair
  of each document and the smallest of its component is written, and these are merged again.
- A billion documents of 700 words, estimated: 112 GB of keys, 168 GB of them in runs, and 2.8 TB of
  shingles on disk, which are then read only for candidates; 60 tasks of 0.7 GB each per band; 5 GB
  while the last forests are merged, 4 bytes for each document that has a candidate.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.sorted_runs import Runs, partitions_of
from lmkit.artifacts.tasks import TaskFiles, TaskWriter, scratch
from lmkit.deduplication.columns import ByBand, Numbers, Ragged, mapped
from lmkit.deduplication.components import Labels, Nodes, components
from lmkit.deduplication.document_table import DocumentTable
from lmkit.deduplication.minhash import Bands
from lmkit.deduplication.removal_table import Removals, removed_in
from lmkit.deduplication.shingles import Shingles, jaccard, shingles

BATCH = 1 << 16
"""Minimum number of characters whose shingles are computed at a time."""
MATCHED = 1 << 24
"""Documents that are matched at a time."""
CANDIDATES = np.dtype([("number", "<i8"), ("key", "<u8")])
PAIRS = np.dtype([("one", "<i8"), ("other", "<i8")])
GROUPED = np.dtype([("group", "<i8"), ("number", "<i8"), ("key", "<u8")])
EDGES = 1 << 20
MERGED = 16
"""Files of candidates, or of forests, that are merged at a time."""
GROUPED_ROWS = 1 << 21
"""Rows of a file of groups, unless a single group has more: 50 MB."""
MAX_FILES = 256
READ_AHEAD = 1 << 26
"""Shingles that are read ahead, at most: 256 MB."""

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


def band_runs(documents: DocumentTable, bands: int) -> Runs:
    """Return the sorted runs of the keys, each band by itself."""
    partitions = partitions_of(int(documents.starts[-1]), MATCHED)
    return Runs(documents, "bands-runs", 1, bands, partitions)


def matching_tasks(runs: Runs) -> list[tuple[int, int]]:
    """Return the matching tasks: band, and partition of its keys."""
    return [(band, part) for band in range(runs.sections) for part in range(runs.partitions)]


def write_band_run(
    runs: Runs, removed: Sequence[Removals], parts: tuple[int, int], writer: TaskWriter
) -> None:
    """Write the keys of a run, without the documents that are `removed`, and the shingles' ends."""
    documents = runs.documents
    eligible: list[NDArray[np.bool_]] = []
    numbers, ends = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for part in range(*parts):
        start, stop = documents.starts[part : part + 2].tolist()
        sizes = SHINGLES.counts(documents.parts[part])
        eligible.append(sizes > 0)
        eligible[-1][removed_in(removed, start, stop) - start] = False
        numbers.append(np.nonzero(eligible[-1])[0] + start)
        ends.append(np.cumsum(sizes))

    def keys(band: int) -> NDArray[np.uint64]:
        found = [np.empty(0, np.uint64)]
        for part, selected in zip(range(*parts), eligible, strict=True):
            found.append(BANDS.band(documents.parts[part], band, len(selected))[selected])
        return np.concatenate(found)

    runs.write(writer, np.concatenate(numbers), ([keys(band)] for band in range(runs.sections)))
    with writer.scratch_file(scratch("shingles-ends", writer.number)) as path:
        np.concatenate(ends).tofile(path)


def write_candidate_pairs(runs: Runs, band_part: tuple[int, int], writer: TaskWriter) -> None:
    """Write which documents share their key of a band."""
    (keys,), number = runs.read(writer.partial, *band_part)
    order = np.argsort(keys, kind="stable")
    keys, number = keys[order], number[order]
    bucket = np.cumsum(np.append(True, keys[1:] != keys[:-1])[: len(keys)]) - 1
    members = np.bincount(bucket)
    new_members = np.bincount(bucket, weights=number >= runs.documents.first)
    shared = ((members > 1) & (new_members > 0))[bucket]
    candidates = np.empty(int(shared.sum()), CANDIDATES)
    candidates["number"], candidates["key"] = number[shared], keys[shared]
    with writer.scratch_file(scratch("mates", writer.number)) as path:
        candidates.tofile(path)


File = tuple[str, int]
"""A file of candidates or of a forest: its kind, and its number."""


def merged_files(files: Sequence[File]) -> list[Sequence[File]]:
    """Return which files are merged into a forest; none if they are few enough for one task."""
    if len(files) <= MERGED:
        return []
    return [files[start : start + MERGED] for start in range(0, len(files), MERGED)]


def write_forest(
    documents: DocumentTable, kind: str, files: Sequence[File], writer: TaskWriter
) -> None:
    """Write the documents of some files of candidates or forests, each with its component."""
    graph = _Graph(documents, writer.partial, files)
    numbers = graph.nodes.documents()
    with writer.scratch_file(scratch(kind, writer.number)) as path, path.open("wb") as file:
        for start in range(0, len(numbers), EDGES):
            some, first = numbers[start : start + EDGES], graph.component[start : start + EDGES]
            pairs = np.empty(len(some), PAIRS)
            pairs["one"], pairs["other"] = some, numbers[first]
            file.write(pairs[pairs["one"] != pairs["other"]].tobytes())


def write_groups(
    documents: DocumentTable, candidate_files: int, files: Sequence[File], writer: TaskWriter
) -> int:
    """Write the candidates, group by group; return the number of files.

    `candidate_files` is the number of files of candidates, and `files` are those, or the forests of
    them all.
    """
    graph = _Graph(documents, writer.partial, files)
    candidates = [
        mapped(writer.partial / scratch("mates", number), CANDIDATES)
        for number in range(candidate_files)
    ]
    rows_of = np.zeros(graph.nodes.count, np.int32)
    for rows in _pieces(candidates):
        np.add.at(rows_of, graph.component[graph.nodes.of(rows["number"])], 1)
    count = int(rows_of.sum(dtype=np.int64))
    size = max(GROUPED_ROWS, -(-count // MAX_FILES))
    file_of = np.empty(len(rows_of), np.int16)
    before = files_needed = 0
    for start in range(0, len(rows_of), EDGES):
        ends = before + np.cumsum(rows_of[start : start + EDGES], dtype=np.int64)
        file_of[start : start + EDGES] = (ends - rows_of[start : start + EDGES]) // size
        before = int(ends[-1])
        present = file_of[start : start + EDGES][rows_of[start : start + EDGES] > 0]
        files_needed = max(files_needed, int(present.max(initial=-1)) + 1)
    with ExitStack() as stack:
        paths = [
            stack.enter_context(writer.scratch_file(scratch("groups", n)))
            for n in range(files_needed)
        ]
        with ExitStack() as open_files:
            handles = [open_files.enter_context(path.open("wb")) for path in paths]
            for rows in _pieces(candidates):
                _distribute(rows, graph.component[graph.nodes.of(rows["number"])], file_of, handles)
    return files_needed


def _pieces(files: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    for rows in files:
        for start in range(0, len(rows), EDGES):
            yield np.array(rows[start : start + EDGES])


def _distribute(
    rows: NDArray[Any], group_of: Labels, file_of: NDArray[np.int16], handles: Sequence[Any]
) -> None:
    grouped = np.empty(len(rows), GROUPED)
    grouped["number"], grouped["key"], grouped["group"] = rows["number"], rows["key"], group_of
    files = file_of[group_of]
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

    def __init__(self, runs: Runs, partial: Path) -> None:
        self._documents = runs.documents
        self._starts = runs.documents.starts
        self._partial = partial
        self._first_parts = np.array([first for first, _ in runs.parts], np.int64)
        self._ends = lru_cache(None)(self._ends_of)
        self._of = lru_cache(4096)(self._read)
        self._ahead: dict[int, Shingles] = {}

    def similarity(self, one: int, other: int) -> float:
        """Return the Jaccard similarity of two documents."""
        return jaccard(self.of(one), self.of(other))

    def of(self, number: int) -> Shingles:
        """Return the shingles of a document."""
        found = self._ahead.get(number)
        return self._of(number) if found is None else found

    def read_ahead(self, numbers: Sequence[int]) -> None:
        """Read the shingles of documents that are needed next, in the order in which they lie."""
        self._ahead = {}
        read = 0
        ordered = np.sort(np.array(numbers, np.int64))
        borders = np.searchsorted(ordered, self._starts)
        for part in np.nonzero(np.diff(borders))[0].tolist():
            with self._documents.path("shingles", part).open("rb") as file:
                for number in ordered[borders[part] : borders[part + 1]].tolist():
                    start, stop = self._span(part, number)
                    if read + stop - start <= READ_AHEAD:
                        read += stop - start
                        data = os.pread(file.fileno(), 4 * (stop - start), 4 * start)
                        self._ahead[number] = np.frombuffer(data, np.uint32)

    def _read(self, number: int) -> Shingles:
        part = int(np.searchsorted(self._starts, number, "right")) - 1
        start, stop = self._span(part, number)
        path = self._documents.path("shingles", part)
        return np.fromfile(path, np.uint32, stop - start, offset=4 * start)

    def _span(self, part: int, number: int) -> tuple[int, int]:
        """Return where the shingles of a document begin and end in the file of its part."""
        run = int(np.searchsorted(self._first_parts, part, "right")) - 1
        ends, index = self._ends(run), number - int(self._starts[self._first_parts[run]])
        is_first = number == self._starts[part]
        return 0 if is_first else int(ends[index - 1]), int(ends[index])

    def _ends_of(self, run: int) -> NDArray[np.int64]:
        return mapped(self._partial / scratch("shingles-ends", run), np.int64).view(np.ndarray)


class _Graph:
    """The components of the documents that files of candidates or forests join."""

    def __init__(self, documents: DocumentTable, partial: Path, files: Sequence[File]) -> None:
        self._files = [
            mapped(partial / scratch(kind, number), CANDIDATES if kind == "mates" else PAIRS)
            for kind, number in files
        ]
        self.nodes = Nodes(int(documents.starts[-1]), self._ends())
        self.component = components(self.nodes.count, self._edges())

    def _pieces(self) -> Iterator[tuple[Numbers, Numbers]]:
        """Yield the documents that edges join."""
        for rows in self._files:
            is_forest = rows.dtype == PAIRS
            for start in range(0, len(rows), EDGES):
                some = np.array(rows[start : start + EDGES + 1])
                if is_forest:
                    yield some["one"][:EDGES], some["other"][:EDGES]
                else:  # the last is the first of the next
                    same = some["key"][1:] == some["key"][:-1]
                    yield some["number"][:-1][same], some["number"][1:][same]

    def _ends(self) -> Iterator[Numbers]:
        for one, other in self._pieces():
            yield one
            yield other

    def _edges(self) -> Iterator[tuple[Numbers, Numbers]]:
        for one, other in self._pieces():
            yield self.nodes.of(one), self.nodes.of(other)
