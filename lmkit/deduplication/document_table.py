"""The document table: what dedup stores of all documents, with the key of each document.

    .partial/names-00003.scratch    the keys of the documents of task 3, concatenated
    .partial/ends-00003.scratch     the offset at which each key ends

Choices:
- The table is stored in parts: those of a crawl index first, if there is one, then one for each
  task. Documents are numbered over all parts, so those of the index are simply the first.
- A key is looked up on disk by its document's number; only the keys of possible duplicates and
  representatives are ever in memory.
- The table goes to every process that shares a step, so it stays small, however many parts there
  are: each process looks up itself how long they are.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, overload

import numpy as np

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.tasks import TaskFiles, TaskWriter, scratch
from lmkit.deduplication.columns import Numbers, Part, Ragged
from lmkit.deduplication.keep_policy import DocumentKey, location_of, value_of
from lmkit.deduplication.options import KeepConfig
from lmkit.errors import LmkitError
from lmkit.storage.json_bytes import from_json, to_json
from lmkit.text.digests import digest

KEYS = Ragged("names", "uint8", lengths="ends", as_ends=True)


class DocumentKeysFile(TaskFiles):
    """The keys of the documents of a task, being written."""

    def __init__(self, keep: KeepConfig, writer: TaskWriter) -> None:
        super().__init__()
        self._keep = keep
        self._file = self.stack.enter_context(KEYS.open(writer))

    def add(self, document: Document, path: Path) -> None:
        """Add the next document, and the path of its input."""
        text = document.text
        key = DocumentKey(
            source=document.source,
            id=document.id,
            text=digest(text).hex(),
            path=str(path),
            characters=len(text),
            value=value_of(self._keep, document) if self._keep.field else None,
            location=location_of(document),
        )
        encoded = to_json(tuple(key))
        self._file.add(encoded, (len(encoded),))


@dataclass(frozen=True)
class TaskParts(Sequence[Part]):
    """The parts of each crawl of an index, and one for each task."""

    older: tuple[tuple[Path, int], ...]
    """The folder of each crawl of the index, and how many tasks have written it."""
    folder: Path
    tasks: int

    def __len__(self) -> int:
        return self.older_parts + self.tasks

    @property
    def older_parts(self) -> int:
        """How many parts the crawl index has."""
        return sum(tasks for _, tasks in self.older)

    def __iter__(self) -> Iterator[Part]:
        for folder, tasks in (*self.older, (self.folder, self.tasks)):
            yield from ((folder, task) for task in range(tasks))

    @overload
    def __getitem__(self, number: int) -> Part: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[Part, ...]: ...
    def __getitem__(self, number: int | slice) -> Part | tuple[Part, ...]:
        if isinstance(number, slice):
            return tuple(self[each] for each in range(*number.indices(len(self))))
        if not 0 <= number < len(self):
            raise IndexError(number)
        folders = (*self.older, (self.folder, self.tasks))
        starts = [0, *accumulate(tasks for _, tasks in folders)]
        index = bisect_right(starts, number) - 1
        return folders[index][0], number - starts[index]


@dataclass(frozen=True)
class DocumentTable:
    """What is stored of all documents."""

    parts: Sequence[Part]
    older: int = 0
    """How many of them are parts of a crawl index, whose documents have been kept before."""

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process gets."""
        return {"parts": self.parts, "older": self.older}

    def path(self, kind: str, part: int) -> Path:
        """Return the path of one kind of file of a part."""
        folder, number = self.parts[part]
        return folder / scratch(kind, number)

    @cached_property
    def starts(self) -> Numbers:
        """The number of the first document of each part, and how many there are in all."""
        sizes = [self.path("ends", part).stat().st_size // 8 for part in range(len(self.parts))]
        return np.cumsum([0, *sizes])

    @property
    def first(self) -> int:
        """The number of the first document that isn't of the crawl index."""
        return int(self.starts[self.older])

    def of_task(self, task: int) -> tuple[int, int]:
        """Return the number of the first document of a task, and of the first after it."""
        start, stop = self.starts[self.older + task : self.older + task + 2].tolist()
        return start, stop

    def keys(self, numbers: Sequence[int] | Numbers) -> dict[int, DocumentKey]:
        """Read the keys of some documents, part by part."""
        ordered = np.sort(np.asarray(numbers, np.int64))
        found: dict[int, DocumentKey] = {}
        borders = np.searchsorted(ordered, self.starts)
        for part in np.nonzero(np.diff(borders))[0].tolist():
            selected = ordered[borders[part] : borders[part + 1]]
            ends = np.memmap(self.path("ends", part), np.int64, "r")
            indices = selected - self.starts[part]
            starts = np.where(indices > 0, ends[indices - 1], 0)
            rows = zip(selected.tolist(), starts.tolist(), ends[indices].tolist(), strict=True)
            with self.path("names", part).open("rb") as file:
                for number, start, end in rows:
                    file.seek(start)
                    found[number] = _key(file.read(end - start), self.path("names", part))
        return found


def _key(encoded: bytes, path: Path) -> DocumentKey:
    """Return a key that is stored in a file. Raises LmkitError for a damaged one."""
    try:
        values: list[Any] = list(from_json(encoded))
        *texts, characters = values[:5]
        if not all(isinstance(text, str) for text in texts) or not isinstance(characters, int):
            raise TypeError
        return DocumentKey(*values)
    except (ValueError, TypeError):
        raise LmkitError(f"{path}: damaged", "restore a copy of it, or make it again") from None
