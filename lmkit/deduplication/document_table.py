"""The notes that dedup takes of all documents, and who each document is.

    .partial/names-00003.scratch    the names of the documents of task 3, one behind the other
    .partial/ends-00003.scratch     where each of them ends

Choices:
- Notes lie in parts: those of an index first, if there is one, then one for each task. Documents
  are numbered through all parts, so those of the index are simply the first.
- A name is looked up on disk by its document's number; only those are ever in memory that may go,
  or stay for others.
"""

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.tasks import TaskWriter, scratch
from lmkit.deduplication.keep_policy import DocumentKey, value_of
from lmkit.deduplication.options import KeepConfig
from lmkit.text.digests import digest

Numbers = NDArray[np.int64]


@contextmanager
def writing_document_keys(
    keep: KeepConfig, writer: TaskWriter
) -> Generator[Callable[[Document, Path], None]]:
    """Hand out what is called with each document of a task, and the input that it is from."""
    ends: list[int] = []
    with (
        writer.scratch_file(scratch("names", writer.number)) as names_path,
        writer.scratch_file(scratch("ends", writer.number)) as ends_path,
    ):
        with names_path.open("wb") as file:

            def note(document: Document, place: Path) -> None:
                who = DocumentKey(
                    source=document.source,
                    id=document.id,
                    text=digest(document.text).hex(),
                    path=str(place),
                    characters=len(document.text),
                    value=value_of(keep, document),
                )
                size = file.write(json.dumps(who).encode())
                ends.append(ends[-1] + size if ends else size)

            yield note
        ends_path.write_bytes(np.array(ends, np.int64).tobytes())


@dataclass(frozen=True)
class DocumentTable:
    """The notes of all documents."""

    parts: tuple[tuple[Path, int], ...]
    """Folder and number of each part."""
    older: int = 0
    """How many of them are those of an index, whose documents have been kept before."""

    def path(self, kind: str, part: int) -> Path:
        """Return where a kind of notes of a part lies."""
        folder, number = self.parts[part]
        return folder / scratch(kind, number)

    @cached_property
    def starts(self) -> Numbers:
        """The number of the first document of each part, and how many there are in all."""
        sizes = [self.path("ends", part).stat().st_size // 8 for part in range(len(self.parts))]
        return np.cumsum([0, *sizes])

    @property
    def first(self) -> int:
        """The number of the first document that isn't of the index."""
        return int(self.starts[self.older])

    def of_task(self, task: int) -> tuple[int, int]:
        """Return the number of the first document of a task, and of the first behind it."""
        start, stop = self.starts[self.older + task : self.older + task + 2].tolist()
        return start, stop

    def names(self, numbers: Sequence[int] | Numbers) -> dict[int, DocumentKey]:
        """Read the names of some documents, part by part."""
        ordered = np.sort(np.asarray(numbers, np.int64))
        found: dict[int, DocumentKey] = {}
        borders = np.searchsorted(ordered, self.starts)
        for part in np.nonzero(np.diff(borders))[0].tolist():
            mine = ordered[borders[part] : borders[part + 1]]
            ends = np.memmap(self.path("ends", part), np.int64, "r")
            with self.path("names", part).open("rb") as file:
                for number, index in zip(mine.tolist(), mine - self.starts[part], strict=True):
                    start = int(ends[index - 1]) if index else 0
                    file.seek(start)
                    found[number] = DocumentKey(*json.loads(file.read(int(ends[index]) - start)))
        return found
