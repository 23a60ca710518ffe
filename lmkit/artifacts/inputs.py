"""Input arguments, and the slices of files that tasks read.

Choices:
- Files are sorted by their labels and paths, so the order on the command line, and how a shell
  expands a pattern, change nothing.
- A big file of lines is split into even ranges of 64 MB at most (a third of that if it is
  compressed), so that no worker is left with a short remainder. A task reads the lines that begin
  in its slice, or in the compressed members that do. Archives whose records are compressed
  separately, Wikipedia's pages, and Parquet's row groups are split in the same way. Everything else
  is read by one task (also a gzip file of one member: reading can only start at its beginning).
  Small files share a task.
- How much a task reads follows from the inputs alone, never from the machine: outputs are the same
  everywhere. 64 parts keep the cores of most machines busy to the end, but a part of less than 2 MB
  doesn't pay: a task costs about 10 ms, and a worker 20 ms. Above 4 GB a task reads 64 MB, and
  above 1.28 TB a 20,000th: the main process reads a receipt of each.
- A finished folder is read by its manifest: the names, sizes and SHA-256s there must match.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Literal

from lmkit.artifacts.discovery import Excluded, not_accepted, walk, walk_remote
from lmkit.artifacts.finished_folders import check_finished
from lmkit.artifacts.input_lists.found_inputs import FoundInputs
from lmkit.artifacts.input_lists.input_slice import Slice, split
from lmkit.artifacts.input_lists.input_table import InputTable
from lmkit.artifacts.input_lists.read_ranges import ReadRange
from lmkit.artifacts.input_lists.slice_table import SliceTable, TaskTable
from lmkit.artifacts.locations import (
    FinishedFolder,
    LocalFile,
    LocalFolder,
    finished_remote_folder,
    located,
    source_at,
)
from lmkit.artifacts.manifest import Input
from lmkit.artifacts.options import RANGE_BYTES
from lmkit.artifacts.tasks import TaskSize
from lmkit.bounded_files import read_bounded
from lmkit.errors import InputError, LmkitError
from lmkit.execution.progress import progress
from lmkit.storage.byte_ranges import Range, hash_range
from lmkit.storage.formats import KNOWN, Accepted, Format, Formats
from lmkit.storage.hub import HubDataset, shards_and_version
from lmkit.storage.remote_files import RemoteFile, State, shown, state_of, without_file_scheme

# Opening a file takes time, however small it is: a million tiny files are too many for one task.
MAX_FILES_PER_TASK = 4_000
AUTO_TASKS = 64
MIN_AUTO_BYTES = 2_000_000
MAX_TASKS = 20_000
RECORDS: tuple[Format, ...] = ("jsonl", "parquet")
"""What every command after clean reads besides folders of documents: records with a text."""
DOCUMENTS = re.compile(r"documents-\d{5,}\.(jsonl\.zst|parquet)")
BOM = b"\xef\xbb\xbf"
NOT_NORMALIZED = re.compile(r"^\.|/\.|//|/$")
"""What a path holds if `Path` would normalize it."""


@dataclass(frozen=True)
class Inputs:
    """Everything that a stage reads."""

    arguments: tuple[str, ...]
    """The arguments as typed."""
    records: Sequence[Input]
    """Of many: a table."""
    slices: Sequence[Slice]
    skipped: dict[str, int]
    """The number of files in the folders by unknown ending."""

    def merged_with(self, other: "Inputs") -> "Inputs":
        """Return these inputs with others, whose slices stay separate: `slices` are only these."""
        return replace(
            self,
            arguments=(*self.arguments, *other.arguments),
            records=_joined(self.records, other.records),
        )

    def formats(self) -> Counter[Format]:
        """Count the inputs of each format; one may be read in several slices."""
        if isinstance(self.slices, SliceTable):
            return self.slices.formats()
        return Counter(kind for kind, _ in {(part.format, part.input) for part in self.slices})

    def renumbered(self, first: int) -> Sequence[Slice]:
        """Return the slices with input indices that start at `first`."""
        if isinstance(self.slices, SliceTable):
            return self.slices.renumbered(first)
        return tuple(part._replace(input=part.input + first) for part in self.slices)


def _joined(records: Sequence[Input], others: Sequence[Input]) -> Sequence[Input]:
    if isinstance(records, InputTable) or isinstance(others, InputTable):
        table = records if isinstance(records, InputTable) else InputTable(records)
        return table.extended(others)
    return (*records, *others)


@dataclass(frozen=True)
class _Search:
    """How documents are searched for at a location."""

    accepted: Accepted
    source: str | None
    skipped: dict[str, int]
    excluded: Excluded
    found: FoundInputs

    def add(self, path: str) -> None:
        """Find the inputs that an argument names."""
        match located(path):
            case LocalFile(_, state):
                if not self.excluded(os.path.basename(path)):
                    self._add_file(path, state)
            case LocalFolder():
                self._add_folder(path)
            case FinishedFolder() as folder:
                check_finished(folder.path, hashes=False)
                self.found.add(*_finished_folder(folder, self._label(path), _modified))
            case RemoteFile() as top:
                self._add_remote(top, self.source or os.path.basename(path))
            case HubDataset() as dataset:
                self.found.add(*_dataset(path, dataset, self.source or dataset.name))

    def _label(self, path: str) -> str:
        """Return the label of the documents at a path: the last part of it."""
        name = os.path.basename(path)
        return self.source or (Path(path).resolve().name if name in {"", ".", ".."} else name)

    def _add_file(self, path: str, state: State) -> None:
        kind = self.accepted.of(path, named=True)
        if kind is None or not self.accepted.takes(kind):
            raise InputError(*not_accepted(path, kind, self.accepted))
        self.found.add_file(self._label(path), path, os.path.basename(path), kind, state)

    def _add_remote(self, top: RemoteFile, label: str) -> None:
        files = [*top.files_below()]
        if folder := finished_remote_folder(top, {origin: state for _, origin, state in files}):
            states = {path: state for path, _, state in files}
            found = _finished_folder(folder, label, lambda path: states[str(path)].modified)
            self.found.add(*found)
            return
        for file in walk_remote(top, files, self.accepted, self.skipped, self.excluded):
            self.found.add_file(label, *file)

    def _add_folder(self, path: str) -> None:
        inside, label = self.accepted.in_folders, self._label(path)
        before = len(self.found)
        for file in walk(path, inside, self.skipped, self.excluded):
            self.found.add_file(label, *file)
        if len(self.found) == before:
            known = ", ".join(sorted(inside.endings))
            raise InputError(f"{path}: no files to read in it ({known})")


def find_documents(
    paths: Sequence[Path],
    listed: Path | None = None,
    *,
    formats: Iterable[Format],
    forced: Format | None = None,
    source: str | None = None,
    known: Formats = KNOWN,
    exclude: Sequence[str] = (),
) -> Inputs:
    """Find the documents that the arguments name.

    `formats` are those that the stage reads, of the `known` ones, in addition to folders of
    documents. Files that match a pattern of `exclude` are skipped. Raises InputError for what is
    missing, empty or of the wrong format.
    """
    accepted = Accepted(frozenset(formats), forced, known)
    named = chain(map(str, paths), _listed_paths(listed))
    arguments = tuple(dict.fromkeys(map(without_file_scheme, named)))
    if not arguments:
        raise InputError("INPUTS: missing; name files or folders to read")
    skipped: dict[str, int] = {}
    search = _Search(accepted, source, skipped, Excluded(exclude, skipped), FoundInputs())
    with progress("looking for files", None):
        for path in arguments:
            search.add(path)
        if not search.found:
            raise InputError(f"--exclude: {' '.join(exclude)} leaves no file to read")
        records, slices = search.found.sorted()
    return Inputs(arguments, records, slices, skipped)


def folder_input(path: Path, label: str, fingerprint: str) -> Inputs:
    """Return a folder as an input that isn't documents: a tokenizer, a packed folder, a run."""
    record = Input(str(path), label, 0, sha256=(fingerprint,))
    return Inputs((str(path),), (record,), (), {})


def make_tasks(
    slices: Sequence[Slice], shard_bytes: int | Literal["auto"] = RANGE_BYTES
) -> Sequence[tuple[Slice, ...]]:
    """Group slices into tasks of about the same size, in order."""
    range_bytes = RANGE_BYTES
    if shard_bytes == "auto":
        whole = slices.pieces(1 << 63) if isinstance(slices, SliceTable) else ()
        weight = sum(weight for *_, weight in whole) or task_weight(slices)
        shard_bytes = auto_shard_bytes(weight)
        range_bytes = min(range_bytes, shard_bytes)
    if isinstance(slices, SliceTable):
        table = TaskTable(slices, range_bytes)
        begins = _Begins(shard_bytes)
        for number, start, weight in slices.pieces(range_bytes):
            if begins.task_with(weight):
                table.add(number, start)
        return table
    tasks: list[list[Slice]] = []
    begins = _Begins(shard_bytes)
    for part in (piece for unsplit in slices for piece in split(unsplit, range_bytes)):
        if begins.task_with(part.weight):
            tasks.append([])
        tasks[-1].append(part)
    return [tuple(task) for task in tasks]


class _Begins:
    """Decides which part of the inputs is the first of a task."""

    def __init__(self, shard_bytes: int) -> None:
        self._shard_bytes = shard_bytes
        self._room = 0
        self._parts = 0

    def task_with(self, weight: int) -> bool:
        """Return whether the next part, of this weight, begins a task."""
        self._room -= weight
        if self._parts and self._room >= 0 and self._parts != MAX_FILES_PER_TASK:
            self._parts += 1
            return False
        self._room, self._parts = self._shard_bytes - weight, 1
        return True


def auto_shard_bytes(total: int) -> int:
    """Return how many bytes a task reads of `total`.

    >>> [auto_shard_bytes(size * 10**6) for size in (1, 27, 270, 10_000, 2_000_000)]
    [2000000, 2000000, 4218750, 64000000, 100000000]
    """
    return max(MIN_AUTO_BYTES, min(RANGE_BYTES, -(-total // AUTO_TASKS)), -(-total // MAX_TASKS))


def task_weight(task: Iterable[Slice]) -> int:
    """Return the approximate amount of text that a task reads, in bytes."""
    return sum(part.weight for part in task)


def task_size(task: Iterable[Slice]) -> TaskSize:
    """Return how much a task reads."""
    parts = tuple(task)
    is_known = all(part.format != "hub" for part in parts)
    stored = sum(part.stop - part.start for part in parts)
    return TaskSize(task_weight(parts), stored if is_known else None)


def open_slice(part: Slice, read_ranges: list[ReadRange]) -> Iterator[Range]:
    """Open a slice, and after it was read check that the file hasn't changed since it was planned.

    Used as `for source in open_slice(part, writer.read): ...`, so that its content can be streamed.
    Raises LmkitError naming a file that has been deleted or changed.
    """
    try:
        with Range(part.location, part.start, part.stop, counted=True) as source:
            version = source.version
            _refuse_changed(part, version or state_of(part.location))
            yield source
            digest = source.sha256()
        if version is None:
            _refuse_changed(part, state_of(part.location))
    except FileNotFoundError:
        raise LmkitError(
            f"{shown(part.location)}: it existed when the work was planned, and is gone",
            "put it back and run the same again: finished tasks are kept",
        ) from None
    if part.sha256 and digest != part.sha256:
        raise LmkitError(
            f"{part.location}: it doesn't match its manifest.json (SHA-256)",
            "the file is damaged or was edited: make that folder again",
        )
    read_range = ReadRange(input=part.input, start=part.start, stop=part.stop, sha256=digest)
    if not part.sha256:
        read_ranges.append(read_range)


def same_content(old: Input, new: Input, verify: bool) -> bool:
    """Return whether an input is unchanged; reads it only if its time has changed."""
    if old.modified is None or new.modified is None:
        return old.sha256 == new.sha256
    if old.bytes != new.bytes or isinstance(source_at(new.path), HubDataset):
        return (old.bytes, old.modified) == (new.bytes, new.modified)
    if not old.sha256 or (old.modified == new.modified and not verify):
        return old.modified == new.modified  # without a hash: it couldn't be read earlier either
    step = max(1, -(-new.bytes // len(old.sha256)))  # the ranges were even
    starts = range(0, max(1, new.bytes), step)
    now = (hash_range(new.path, start, min(start + step, new.bytes)) for start in starts)
    return all(before == digest for before, digest in zip(old.sha256, now, strict=False))


def _listed_paths(listed: Path | None) -> Iterator[str]:
    """Yield the paths in a list, normalized as typed paths are."""
    if listed is None:
        return
    try:
        lines = BytesIO(read_bounded(listed).removeprefix(BOM).replace(b"\r\n", b"\n"))
    except OSError as error:
        raise InputError(f"--inputs-from: cannot read {listed}: {error.strerror}") from None
    for line in lines:
        if line.strip():
            path = os.fsdecode(line.removesuffix(b"\n"))  # file names may not be UTF-8
            yield str(Path(path)) if NOT_NORMALIZED.search(path) else path


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns


def _finished_folder(
    folder: FinishedFolder, label: str, modified: Callable[[Path], int]
) -> tuple[Input, list[Slice]]:
    path, manifest = folder.path, folder.manifest
    outputs = [o for o in manifest.outputs if DOCUMENTS.fullmatch(o.name)]
    if not outputs:
        raise InputError(
            f"{shown(path)}: made by lmkit {manifest.stage}, and holds no documents",
            "name a folder that lmkit clean or lmkit dedup wrote, or raw files",
        )
    slices: list[Slice] = []
    for output in outputs:
        file = path / output.name
        slices.append(
            Slice(
                input=0,
                location=str(file),
                source=label,
                origin=output.name,
                format="documents",
                compression="zstd",  # of both formats; it decides how much they weigh
                start=0,
                stop=output.bytes,
                size=output.bytes,
                modified=modified(file),
                sha256=output.sha256,
            )
        )
    if not manifest.counts.documents_out:
        raise InputError(f"{shown(path)}: it holds no documents: lmkit {manifest.stage} kept none")
    size = sum(output.bytes for output in outputs)
    record = Input(str(path), label, size, sha256=(manifest.fingerprint,))
    return record, slices


def _dataset(path: str, dataset: HubDataset, label: str) -> tuple[Input, list[Slice]]:
    shards, version = shards_and_version(dataset)
    record = Input(path, label, shards, dataset.url, version)
    parts = [
        Slice(
            input=0,
            location=path,
            source=label,
            origin=dataset.url,
            format="hub",
            compression="none",
            start=shard,
            stop=shard + 1,
            size=shards,
            modified=version,
        )
        for shard in range(shards)
    ]
    return record, parts


def _refuse_changed(part: Slice, state: State) -> None:
    if state != (part.size, part.modified):
        raise LmkitError(
            f"{shown(part.location)}: it has changed since the work was planned",
            "run again when nothing writes to it any more; --overwrite starts from scratch",
        )
