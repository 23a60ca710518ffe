"""The document table: what dedup stores of all documents, with the key of each document.

    .partial/names-00003.scratch    the keys of the documents of task 3, concatenated
    .partial/ends-00003.scratch     the offset at which each key ends

Choices:
- The table is stored in parts: those of a crawl index first, if there is one, then one for each
  task. Documents are numbered over all parts, so those of the index are simply the first.
- A key is looked up on disk by its document's number; only the keys of possible duplicates and
  representatives are ever in memory.
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
from lmkit.deduplication.keep_policy import DocumentKey, location_of, value_of
from lmkit.deduplication.options import KeepConfig
from lmkit.text.digests import digest

Numbers = NDArray[np.int64]


@contextmanager
def writing_document_keys(
    keep: KeepConfig, writer: TaskWriter
) -> Generator[Callable[[Document, Path], None]]:
    """Yield a function to call with each document of a task, and the path of its input."""
    ends: list[int] = []
    with (
        writer.scratch_file(scratch("names", writer.number)) as keys_path,
        writer.scratch_file(scratch("ends", writer.number)) as ends_path,
    ):
        with keys_path.open("wb") as file:

            def add(document: Document, path: Path) -> None:
                key = DocumentKey(
                    source=document.source,
                    id=document.id,
                    text=digest(document.text).hex(),
                    path=str(path),
                    characters=len(document.text),
                    value=value_of(keep, document),
                    location=location_of(document),
                )
                size = file.write(json.dumps(key).encode())
                ends.append(ends[-1] + size if ends else size)

            yield add
        ends_path.write_bytes(np.array(ends, np.int64).tobytes())


@dataclass(frozen=True)
class DocumentTable:
    """What is stored of all documents."""

    parts: tuple[tuple[Path, int], ...]
    """Folder and number of each part."""
    older: int = 0
    """How many of them are parts of a crawl index, whose documents have been kept before."""

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
            with self.path("names", part).open("rb") as file:
                for number, index in zip(
                    selected.tolist(), selected - self.starts[part], strict=True
                ):
                    start = int(ends[index - 1]) if index else 0
                    file.seek(start)
                    found[number] = DocumentKey(*json.loads(file.read(int(ends[index]) - start)))
        return found
