"""The crawl index: what dedup stores of earlier crawls, to compare the next without rereading them.

    work/index/part-00000/index.json            of which crawl, with which settings; its files
    work/index/part-00000/names-00000.scratch   the keys of the documents kept of its task 0
    work/index/part-00001/...                   the next crawl's

Choices:
- Only kept documents are stored, since only they can be representatives. So the result is the same
  as if all crawls were given at once, with those of earlier crawls first.
- A document labelled as a near-duplicate is the representative of its exact copies, not of similar
  documents: it has a key and a digest, and no shingles. One whose near-duplicates first appear in
  a later crawl has no label, since it is already written.
- The part of a crawl appears complete, by renaming its folder, when its documents are written. A
  crawl that is processed again isn't compared with itself, and replaces its earlier part.
- All of it is hashed before it is used: a wrong byte could remove a document that has no
  duplicate. That reads the document table, some 3 kB per page, and none of the texts.
- It is hashed and added to task by task, as everything else that grows with the documents.
- What is stored are the columns that the matchers declare, and the document keys. An index that
  lacks a column of earlier crawls is refused: its documents would seem to have no duplicates.
"""

import hashlib
import json
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from lmkit.artifacts.inputs import Inputs
from lmkit.artifacts.lock import LOCK, folder_lock
from lmkit.artifacts.manifest import Count, Input, Output, Record, fingerprint, read
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter, scratch
from lmkit.deduplication.columns import Column, Part
from lmkit.deduplication.document_table import KEYS, DocumentTable
from lmkit.deduplication.matcher import Matcher, tables_of
from lmkit.deduplication.removal_table import duplicates_in, removed_in
from lmkit.errors import ConfigError, InputError, LmkitError
from lmkit.execution.progress import progress
from lmkit.storage.atomic_files import fsync, sha256

FORMAT = 2
RECORD = "index.json"
RESTORE = "restore a copy of it, or start another --index with the earlier crawls"
ADDING, REPLACED = ".adding", ".replaced"
PREFIX = "index-"
"""Of the names of files that become a part."""


class CrawlPart(Record):
    """What the index holds of one crawl."""

    format: int
    crawl: str
    """Hash of the inputs."""
    settings: dict[str, Any]
    """The options that must be the same for all crawls."""
    documents: Count
    tasks: Count
    files: tuple[Output, ...]

    @property
    def fingerprint(self) -> str:
        """Hash of all its files."""
        return fingerprint((file.name, file.sha256) for file in self.files)


@dataclass
class Index:
    """A crawl index that a run has locked."""

    path: Path
    crawl: str
    settings: dict[str, Any]
    matchers: Sequence[Matcher] = ()
    older: list[CrawlPart] = field(default_factory=list[CrawlPart])
    """The parts of crawls before this one."""
    itself: CrawlPart | None = None
    """The part that an earlier run added for the same crawl."""
    later: int = 0
    """How many parts of later crawls there are."""

    def folder(self, number: int) -> Path:
        """Return the folder of a part."""
        return self.path / f"part-{number:05d}"

    @property
    def inputs(self) -> Inputs:
        """What is read of the index, for the plan."""
        records = [
            Input(
                path=str(self.folder(number)),
                source="index",
                origin=self.folder(number).name,
                bytes=sum(file.bytes for file in part.files),
                sha256=(part.fingerprint,),
            )
            for number, part in enumerate(self.older)
        ]
        return Inputs((), tuple(records), (), {})

    @property
    def table_parts(self) -> tuple[tuple[Path, int], ...]:
        """The folder of each earlier crawl, and how many parts of the document table it has."""
        return tuple((self.folder(number), part.tasks) for number, part in enumerate(self.older))

    @property
    def documents(self) -> int:
        """How many documents of earlier crawls the index holds."""
        return sum(part.documents for part in self.older)

    def check(self, folder: OutputFolder, workers: int) -> None:
        """Raise InputError if a file differs from what was written, or columns don't agree.

        The tasks of the run share that; also a run that is resumed reads all of it.
        """
        check = _CheckPart(tuple(self._columns))
        for number, crawl in enumerate(self.older):
            path = self.folder(number)
            tasks = list(_files_of_parts(path, crawl).items())
            counts = folder.map(check, tasks, workers=workers, label=f"checking {path.name}")
            if sum(counts) != crawl.documents:
                raise InputError(
                    f"--index: {path}: damaged: {RECORD} counts {crawl.documents:,} documents, "
                    f"not {sum(counts):,}",
                    RESTORE,
                )

    @property
    def _columns(self) -> list[Column]:
        return [KEYS, *(column for each in self.matchers for column in each.columns)]

    def add(self, folder: OutputFolder, documents: DocumentTable, workers: int) -> int:
        """Add the documents that no matcher removes; return how many.

        Each task copies its own, as scratch files of the output, which then become a part.
        """
        write = _WriteColumns(tuple(self.matchers), documents)
        tasks = range(len(documents.parts) - documents.older)
        receipts = folder.run("index", write, tasks, workers=workers, label="adding to the index")
        adding = self.path / ADDING
        adding.mkdir()
        try:
            with progress("adding to the index", None):
                files = [
                    _added(folder.scratch / output.name, adding, output)
                    for receipt in receipts
                    for output in receipt.scratch
                ]
            part = CrawlPart(
                format=FORMAT,
                crawl=self.crawl,
                settings=self.settings,
                documents=sum(receipt.facts["documents"] for receipt in receipts),
                tasks=len(receipts),
                files=tuple(sorted(files, key=attrgetter("name"))),
            )
            if not (self.itself and self.itself.fingerprint == part.fingerprint):
                self._put(part, adding)
        finally:
            shutil.rmtree(adding, ignore_errors=True)
        return part.documents

    def _put(self, part: CrawlPart, adding: Path) -> None:
        folder = self.folder(len(self.older))
        if self.later:
            raise LmkitError(
                f"--index: {folder} holds other documents of the same inputs, and {self.later} "
                "later parts were compared with those",
                "start another --index, and add the crawls in order",
            )
        part.write(adding / RECORD, adding)
        if self.itself:
            folder.rename(self.path / REPLACED)
        adding.rename(folder)
        fsync(self.path)
        shutil.rmtree(self.path / REPLACED, ignore_errors=True)


@contextmanager
def using_index(
    path: Path,
    output: Path,
    inputs: Inputs,
    settings: dict[str, Any],
    matchers: Sequence[Matcher],
) -> Generator[Index]:
    """Lock an index, new or existing, for a run. Raises RequestError if it doesn't fit."""
    _refuse_overlap(path, [output, *inputs.arguments])
    created = not path.exists()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--index: {path}: {error.strerror}; must be a folder") from None
    try:
        with folder_lock(path, "--index"):
            yield _opened(Index(path, _crawl(inputs), settings, matchers))
    finally:
        if created:
            with suppress(OSError):  # it is not empty: it holds a part now
                path.rmdir()


def _opened(index: Index) -> Index:
    """Read what an index holds. Raises ConfigError if it can't be compared with."""
    path = index.path
    found = {entry.name for entry in path.iterdir()} - {LOCK, ADDING, REPLACED}
    parts: list[CrawlPart] = []
    for number in range(len(found)):
        part = read(CrawlPart, index.folder(number) / RECORD)
        if part is None:
            unexpected = sorted(found - {index.folder(n).name for n in range(number)})
            raise ConfigError(
                f"--index: {path} is no crawl index, or a part of it is missing ({unexpected[0]})",
                "name a folder that --index created, or one that doesn't exist yet",
            )
        _refuse_other_settings(index.folder(number), part, index.settings)
        parts.append(part)
    for name in (ADDING, REPLACED):  # of a run that was killed
        shutil.rmtree(path / name, ignore_errors=True)
    crawls = [part.crawl for part in parts]
    position = crawls.index(index.crawl) if index.crawl in crawls else len(parts)
    index.older, rest = parts[:position], parts[position:]
    index.itself, index.later = (rest[0] if rest else None), max(0, len(rest) - 1)
    columns = [(each.reason, column) for each in index.matchers for column in each.columns]
    for number, part in enumerate(index.older):
        _refuse_missing_columns(index.folder(number), part, columns)
    return index


def _refuse_missing_columns(
    folder: Path, part: CrawlPart, columns: Sequence[tuple[str, Column]]
) -> None:
    stored = {file.name for file in part.files}
    for reason, column in columns:
        for name in column.files:
            names = (scratch(name, task) for task in range(part.tasks))
            if not all(each in stored for each in names):  # which ends at the first that is missing
                raise ConfigError(
                    f"--index: {folder} holds no {name}: its crawl was not searched for "
                    f"{reason!r} duplicates, and these documents can't be compared with it",
                    "start another --index with the earlier crawls, and the same options for all",
                )


def _refuse_other_settings(folder: Path, part: CrawlPart, settings: dict[str, Any]) -> None:
    if part.format != FORMAT:
        raise ConfigError(
            f"--index: {folder} was written by another version of lmkit", "start another --index"
        )
    for name, before in part.settings.items():
        if settings.get(name) != before:
            raise ConfigError(
                f"--{name}: got {settings.get(name)}, but the index {folder.parent} was made with "
                f"{before}: must be the same",
                "signatures of other settings can't be compared",
            )


def _refuse_overlap(path: Path, others: Sequence[str | Path]) -> None:
    resolved = path.resolve()
    for other in (Path(other).resolve() for other in others):
        if resolved == other or other in resolved.parents or resolved in other.parents:
            raise ConfigError(f"--index: {path} and {other} must be separate folders")


def _crawl(inputs: Inputs) -> str:
    """Hash the inputs: unchanged by a mere `touch`, different if files are added or removed."""
    identity = [
        (str(Path(item.path).resolve()), item.bytes, item.sha256 if item.modified is None else ())
        for item in inputs.records
    ]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def _files_of_parts(folder: Path, crawl: CrawlPart) -> dict[Part, tuple[Output, ...]]:
    """Return the files of each part of the document table of an earlier crawl."""
    files: dict[str, list[Output]] = {scratch("", task): [] for task in range(crawl.tasks)}
    for file in crawl.files:
        found = files.get(f"-{file.name.rpartition('-')[2]}")
        if found is None:
            raise InputError(f"--index: {folder}: damaged: {RECORD} lists {file.name}", RESTORE)
        found.append(file)
    return {(folder, task): tuple(files[scratch("", task)]) for task in range(crawl.tasks)}


@dataclass(frozen=True)
class _CheckPart:
    """The task that checks a part of the document table of an earlier crawl."""

    columns: tuple[Column, ...]

    def __call__(self, task: tuple[Part, tuple[Output, ...]]) -> int:
        """Return how many documents it holds. Raises InputError."""
        part, files = task
        folder, _ = part
        for file in files:
            path = folder / file.name
            intact = path.is_file() and path.stat().st_size == file.bytes
            if not intact or sha256(path) != file.sha256:
                raise InputError(f"--index: {path} is not what was written", RESTORE)
        try:
            count = len(KEYS.counts(part))
            for column in self.columns:
                column.check(part, count)
        except (ValueError, OSError) as error:  # its hashes are right: it was made so
            raise InputError(f"--index: {folder}: damaged: {error}", RESTORE) from None
        return count


@dataclass(frozen=True)
class _WriteColumns:
    """The task that copies the columns of the kept documents of a task."""

    matchers: tuple[Matcher, ...]
    documents: DocumentTable

    def __call__(self, task: int, writer: TaskWriter) -> None:
        """Write the columns, and report how many documents are kept."""
        documents, partial = self.documents, writer.partial
        removed = [table for _, table in tables_of(self.matchers, partial)]
        found = [table for each in self.matchers if (table := each.duplicates(partial))]
        start, stop = documents.of_task(task)
        kept = np.ones(stop - start, bool)
        kept[removed_in(removed, start, stop) - start] = False
        compared = kept.copy()
        compared[duplicates_in(found, start, stop) - start] = False
        part = documents.parts[documents.older + task]
        for column in (KEYS, *(column for each in self.matchers for column in each.columns)):
            for name, values in column.kept(part, kept, compared):
                with writer.scratch_file(PREFIX + scratch(name, task)) as path:
                    values.tofile(path)
        writer.facts["documents"] = int(kept.sum())


def _added(path: Path, folder: Path, output: Output) -> Output:
    """Put a scratch file into a part: both names are of one file where the file system can."""
    name = output.name.removeprefix(PREFIX)
    try:
        (folder / name).hardlink_to(path)
    except OSError:  # another file system, or one without links
        shutil.copyfile(path, folder / name)
        fsync(folder / name)
    return output.model_copy(update={"name": name})
