"""Who each document is, on disk.

    .partial/names-00003.scratch    the names of the documents of task 3, one behind the other
    .partial/ends-00003.scratch     where each of them ends

Choice: a name is looked up on disk by its document's number; only those are ever in memory that
may go, or stay for others.
"""

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.documents import Document
from lmkit.artifacts.tasks import TaskWriter
from lmkit.text.digest import digest
from lmkit.text.keeping import Keep, Name
from lmkit.text.passes import scratch


@contextmanager
def noting_names(keep: Keep, writer: TaskWriter) -> Generator[Callable[[Document, Path], None]]:
    """Hand out what is called with each document of a task, and the input that it is from."""
    ends: list[int] = []
    with (
        writer.scratch_file(scratch("names", writer.number)) as names_path,
        writer.scratch_file(scratch("ends", writer.number)) as ends_path,
    ):
        with names_path.open("wb") as file:

            def note(document: Document, place: Path) -> None:
                who = Name(
                    source=document.source,
                    id=document.id,
                    text=digest(document.text).hex(),
                    path=str(place),
                    characters=len(document.text),
                    value=keep.value_of(document),
                )
                size = file.write(json.dumps(who).encode())
                ends.append(ends[-1] + size if ends else size)

            yield note
        ends_path.write_bytes(np.array(ends, np.int64).tobytes())


class Names:
    """The names of all documents, by their number over all tasks."""

    def __init__(self, partial: Path, tasks: int) -> None:
        self._partial = partial
        sizes = [(partial / scratch("ends", task)).stat().st_size // 8 for task in range(tasks)]
        self.starts = np.cumsum([0, *sizes])
        """The number of the first document of each task, and how many there are in all."""

    def __getitem__(self, number: int) -> Name:
        """Read a name."""
        return self.of([number])[number]

    def of(self, numbers: Sequence[int] | NDArray[np.int64]) -> dict[int, Name]:
        """Read the names of some documents, task by task."""
        ordered = np.sort(np.asarray(numbers, np.int64))
        found: dict[int, Name] = {}
        borders = np.searchsorted(ordered, self.starts)
        for task in np.nonzero(np.diff(borders))[0].tolist():
            mine = ordered[borders[task] : borders[task + 1]]
            ends = np.memmap(self._partial / scratch("ends", task), np.int64, "r")
            with (self._partial / scratch("names", task)).open("rb") as file:
                for number, index in zip(mine.tolist(), mine - self.starts[task], strict=True):
                    start = int(ends[index - 1]) if index else 0
                    file.seek(start)
                    found[number] = Name(*json.loads(file.read(int(ends[index]) - start)))
        return found
