"""An index: what dedup knows of earlier crawls, so that the next is compared without reading those.

    work/index/part-00000/index.json            of which crawl, with which settings; its files
    work/index/part-00000/names-00000.scratch   the notes of those documents of its task 0 that stay
    work/index/part-00001/...                   the next crawl's

Choices:
- Only documents that stay are kept in it, since only those can stay for others. So the same ones
  stay as if all crawls were given at once, and those of earlier ones came first.
- One that is marked as nearly the same stays for its copies, not for what is like it: it has a name
  and a digest, and no shingles. One that is first found to be like others by a later crawl has no
  mark, since it is written already.
- A crawl's part appears whole, by renaming its folder, when its documents are written. A crawl that
  is done again isn't compared with itself, and takes the place of what it was.
- All of it is hashed before it is used: a wrong byte could make a document go that is like no
  other. That reads the notes, some 3 kB a page, and none of the texts.
"""

import hashlib
import json
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.inputs import Inputs
from lmkit.artifacts.lock import LOCK, folder_lock
from lmkit.artifacts.manifest import Input, Output, Record, fingerprint, read
from lmkit.artifacts.tasks import scratch
from lmkit.deduplication.document_table import DocumentTable, Numbers
from lmkit.errors import ConfigError, InputError, LmkitError
from lmkit.storage.atomic_files import fsync, sha256
from lmkit.text.digests import SIZE

Verdict = tuple[Numbers, Numbers]
"""Which documents of a task go, and which are only marked."""


FORMAT = 1
RECORD = "index.json"
ADDING, REPLACED = ".adding", ".replaced"


class Part(Record):
    """What an index holds of one crawl."""

    format: int
    crawl: str
    """Stands for the inputs."""
    settings: dict[str, Any]
    """The options that must be the same for all crawls."""
    documents: int
    tasks: int
    files: tuple[Output, ...]

    @property
    def fingerprint(self) -> str:
        """Stand for all that is in it."""
        return fingerprint((file.name, file.sha256) for file in self.files)


@dataclass
class Index:
    """An index that a run owns."""

    path: Path
    crawl: str
    settings: dict[str, Any]
    older: list[Part] = field(default_factory=list[Part])
    """Those of crawls before this one."""
    itself: Part | None = None
    """What an earlier run has added for the same crawl."""
    later: int = 0

    def folder(self, number: int) -> Path:
        """Return where a part lies."""
        return self.path / f"part-{number:05d}"

    @property
    def inputs(self) -> Inputs:
        """What is read of it, for the plan."""
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
    def notes(self) -> list[tuple[Path, int]]:
        """Folder and number of each of the notes."""
        return [
            (self.folder(number), task)
            for number, part in enumerate(self.older)
            for task in range(part.tasks)
        ]

    @property
    def documents(self) -> int:
        """How many documents of earlier crawls it holds."""
        return sum(part.documents for part in self.older)

    def check(self) -> None:
        """Raise InputError where a file is not what was written."""
        for number, part in enumerate(self.older):
            for file in part.files:
                path = self.folder(number) / file.name
                whole = path.is_file() and path.stat().st_size == file.bytes
                if not whole or sha256(path) != file.sha256:
                    raise InputError(
                        f"--index: {path} is not what was written",
                        "put back a copy of it, or begin another --index with the earlier crawls",
                    )

    def add(self, notes: "DocumentTable", verdicts: "Sequence[Verdict]") -> int:
        """Add the documents that stay, given the verdict of each task; return how many."""
        adding = self.path / ADDING
        adding.mkdir()
        try:
            kept = [
                _write_notes(notes, task, gone, marked, adding)
                for task, (gone, marked) in enumerate(verdicts)
            ]
            part = Part(
                format=FORMAT,
                crawl=self.crawl,
                settings=self.settings,
                documents=sum(kept),
                tasks=len(kept),
                files=tuple(map(_on_disk, sorted(adding.iterdir()))),
            )
            if not (self.itself and self.itself.fingerprint == part.fingerprint):
                self._put(part, adding)
        finally:
            shutil.rmtree(adding, ignore_errors=True)
        return part.documents

    def _put(self, part: Part, adding: Path) -> None:
        place = self.folder(len(self.older))
        if self.later:
            raise LmkitError(
                f"--index: {place} holds other documents of the same inputs, and {self.later} "
                "later parts were compared with those",
                "begin another --index, and give it the crawls in order",
            )
        part.write(adding / RECORD, adding)
        if self.itself:
            place.rename(self.path / REPLACED)
        adding.rename(place)
        fsync(self.path)
        shutil.rmtree(self.path / REPLACED, ignore_errors=True)


@contextmanager
def using_index(
    path: Path, output: Path, inputs: Inputs, settings: dict[str, Any]
) -> Generator[Index]:
    """Own an index, new or old, for a run. Raises RequestError where it doesn't fit."""
    _refuse_overlap(path, [output, *inputs.arguments])
    begun = not path.exists()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--index: {path}: {error.strerror}; must be a folder") from None
    try:
        with folder_lock(path, "--index"):
            yield _opened(path, _crawl(inputs), settings)
    finally:
        if begun:
            with suppress(OSError):  # it holds a part now
                path.rmdir()


def _opened(path: Path, crawl: str, settings: dict[str, Any]) -> Index:
    index = Index(path, crawl, settings)
    found = {entry.name for entry in path.iterdir()} - {LOCK, ADDING, REPLACED}
    parts: list[Part] = []
    for number in range(len(found)):
        part = read(Part, index.folder(number) / RECORD)
        if part is None:
            strange = sorted(found - {index.folder(n).name for n in range(number)})
            raise ConfigError(
                f"--index: {path} holds what is no part of an index, or lacks one ({strange[0]})",
                "name a folder that --index made, or one that isn't there yet",
            )
        _refuse_other_settings(index.folder(number), part, settings)
        parts.append(part)
    for name in (ADDING, REPLACED):  # of a run that was killed
        shutil.rmtree(path / name, ignore_errors=True)
    crawls = [part.crawl for part in parts]
    place = crawls.index(crawl) if crawl in crawls else len(parts)
    index.older, rest = parts[:place], parts[place:]
    index.itself, index.later = (rest[0] if rest else None), max(0, len(rest) - 1)
    return index


def _refuse_other_settings(folder: Path, part: Part, settings: dict[str, Any]) -> None:
    if part.format != FORMAT:
        raise ConfigError(
            f"--index: {folder} was written by another version of lmkit", "begin another --index"
        )
    for name, before in part.settings.items():
        if settings.get(name) != before:
            raise ConfigError(
                f"--{name}: got {settings.get(name)}, but the index {folder.parent} was made with "
                f"{before}: must be the same",
                "signatures of other settings can't be compared",
            )


def _refuse_overlap(path: Path, others: Sequence[str | Path]) -> None:
    place = path.resolve()
    for other in (Path(other).resolve() for other in others):
        if place == other or other in place.parents or place in other.parents:
            raise ConfigError(f"--index: {path} and {other} must lie apart")


def _crawl(inputs: Inputs) -> str:
    """Stand for inputs: the same when they were only touched, another when others are there."""
    told = [
        (str(Path(item.path).resolve()), item.bytes, item.sha256 if item.modified is None else ())
        for item in inputs.records
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _on_disk(path: Path) -> Output:
    fsync(path)
    return Output(name=path.name, bytes=path.stat().st_size, sha256=sha256(path))


def _write_notes(
    notes: "DocumentTable", task: int, gone: "Numbers", marked: "Numbers", folder: Path
) -> int:
    """Write the notes of those documents of a task that stay; return how many there are."""
    part = notes.older + task
    start, stop = notes.of_task(task)
    stays = np.ones(stop - start, bool)
    stays[gone - start] = False
    compared = stays.copy()
    compared[marked - start] = False

    def take(kind: str) -> "NDArray[np.uint8]":
        path = notes.path(kind, part)
        return np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8)

    def put(kind: str, rows: "NDArray[Any]") -> None:
        rows.tofile(folder / scratch(kind, task))

    lengths = np.diff(take("ends").view(np.int64), prepend=0)
    put("names", take("names")[np.repeat(stays, lengths)])
    put("ends", np.cumsum(lengths[stays]))
    put("digests", take("digests").reshape(-1, SIZE)[stays])
    if notes.path("sizes", part).exists():
        sizes = take("sizes").view(np.int64)
        put("sizes", (sizes * compared)[stays])
        put("shingles", take("shingles").view(np.uint32)[np.repeat(compared, sizes)])
        put("bands", take("bands").view(np.uint64).reshape(-1, max(1, len(stays)))[:, stays])
    return int(stays.sum())
