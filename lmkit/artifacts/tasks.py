"""Tasks and their receipts.

    work/clean/documents-00003.jsonl.zst       what task 3 wrote
    work/clean/.partial/documents-00003.json   its receipt

Choices:
- A task writes through a `TaskWriter`: every file is written atomically, and the receipt is written
  after all of them. So a run that is killed at any moment is resumed by the same command, which
  repeats at most the tasks that were in progress.
- A task records what it read, with its SHA-256: a file that changes while it is read is detected.
- The receipt is also the task's result: on a network file system its name may appear late. So may
  those of the files that it lists; what other machines wrote is waited for.
- Where the output is in a store, a task uploads its files before it writes its receipt.
- Files that only later tasks need are written to the scratch folder and deleted when the stage
  ends. A resumed run hashes them again: damage in between would not show in the outputs.
"""

import hashlib
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self, TypeVar, overload

from pydantic import Field

from lmkit.artifacts.input_lists.read_ranges import ReadField, ReadRange, ReadRanges
from lmkit.artifacts.late_names import LATE_BY, Patience
from lmkit.artifacts.manifest import Counts, Output, Record, read
from lmkit.artifacts.upload import Upload, Uploaded
from lmkit.config import is_none
from lmkit.errors import LmkitError
from lmkit.execution.executors.executor import Executor
from lmkit.execution.pool import map_tasks
from lmkit.execution.progress import log_message
from lmkit.storage.atomic_files import atomic_write, sha256

PARTIAL = ".partial"
DIGEST = '{{"digest": "{}",'
TaskT = TypeVar("TaskT")


class TaskSize(NamedTuple):
    """How much a task reads."""

    weight: int
    """Its approximate amount of text, in bytes."""
    input_bytes: int | None
    """The bytes of its inputs as they are stored; None if that is unknown."""


class Problem(Record):
    """A warning about a file that couldn't be read completely."""

    where: str
    first: str
    count: int


class Receipt(Record):
    """The results of one task."""

    outputs: tuple[Output, ...]
    scratch: tuple[Output, ...]
    read: ReadField
    counts: Counts
    facts: dict[str, Any]
    problems: tuple[Problem, ...]
    seconds: float
    uploaded: Annotated[Uploaded | None, Field(exclude_if=is_none)] = None
    """Where the output is in a store."""

    def _texts(self) -> Iterator[str]:
        """Yield the text of the file, which begins with a hash of the rest."""
        rest = "".join(super()._texts()).removeprefix("{")
        yield DIGEST.format(hashlib.sha256(rest.encode("utf-8", "backslashreplace")).hexdigest())
        yield rest

    @classmethod
    def parsed(cls, data: bytes) -> Self:
        """Return the receipt that a file holds; raise ValueError for a damaged one.

        What a step records is its own, so a receipt is whole, or none of it is believed.
        """
        size = len(DIGEST.format("")) + 64
        if data[:size].decode("ascii") != DIGEST.format(hashlib.sha256(data[size:]).hexdigest()):
            raise ValueError("damaged")
        return super().parsed(data)


class TaskWriter:
    """What a task writes and reports."""

    def __init__(self, folder: Path, step: str, number: int, upload: Upload | None = None) -> None:
        self.folder = folder
        self._upload = upload
        self.step = step
        self.number = number
        self.counts = Counts()
        self.facts: dict[str, Any] = {}
        self.problems: dict[str, Problem] = {}
        self.read: list[ReadRange] = []
        self._outputs: dict[str, Output] = {}
        self._scratch: dict[str, Output] = {}
        self._started = time.monotonic()

    @property
    def partial(self) -> Path:
        """The folder of unfinished files."""
        return self.folder / PARTIAL

    @contextmanager
    def file(self, name: str) -> Generator[Path]:
        """Yield a path to write to; the file is then moved to the output folder."""
        with self._atomic_file(self.folder / name, name, self._outputs) as path:
            yield path

    @contextmanager
    def scratch_file(self, name: str) -> Generator[Path]:
        """Yield a path to write to; the file is then moved to where later tasks find it."""
        with self._atomic_file(self.partial / name, name, self._scratch) as path:
            yield path

    @contextmanager
    def _atomic_file(self, final: Path, name: str, outputs: dict[str, Output]) -> Generator[Path]:
        final.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(final, self.partial) as path:
            yield path
            outputs[name] = Output(name=name, bytes=path.stat().st_size, sha256=sha256(path))

    def count_in(self, name: str, counts: dict[str, int]) -> None:
        """Record the counts of a file of this task."""
        self._outputs[name] = self._outputs[name].model_copy(update={"counts": counts})

    def finish(self) -> Receipt:
        """Upload the files where that is to be done, and write the receipt."""
        outputs = tuple(self._outputs.values())
        receipt = Receipt(
            outputs=outputs,
            scratch=tuple(self._scratch.values()),
            read=ReadRanges(self.read),
            counts=self.counts,
            facts=self.facts,
            problems=tuple(self.problems.values()),
            uploaded=self._upload(self.folder, outputs) if self._upload else None,
            seconds=round(time.monotonic() - self._started, 3),
        )
        receipt.write(receipt_path(self.folder, self.step, self.number), self.partial)
        if self._upload:
            self._upload.discard_copies(self.folder, outputs)
        return receipt


class TaskFiles:
    """Files that a task writes piece by piece: they appear when the context ends without error."""

    def __init__(self) -> None:
        self.stack = ExitStack()
        """Where a subclass enters the files that it opens."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: Any) -> None:
        if raised[0] is not None:
            self.stack.__exit__(*raised)
            return
        with self.stack:
            self.close()

    def close(self) -> None:
        """Write what is buffered; not called after an error."""


def receipt_path(folder: Path, step: str, number: int) -> Path:
    """Return the path of the receipt of a task."""
    return folder / PARTIAL / f"{step}-{number:05d}.json"


def finished(
    folder: Path, step: str, number: int, patience: Patience | None = None
) -> Receipt | None:
    """Return the receipt of a task, if all files that it lists exist, or appear with patience."""
    try:
        receipt = read(Receipt, receipt_path(folder, step, number))
    except LmkitError:
        return None  # damaged: the task is run again
    if receipt is None:
        return None
    return None if _missing_file(folder, receipt, patience or Patience()) else receipt


def _missing_file(folder: Path, receipt: Receipt, patience: Patience) -> Path | None:
    """Return a file that a receipt lists and that isn't there in the size that was written."""
    is_here = receipt.uploaded is None or receipt.uploaded.kept
    files = [(folder / output.name, output) for output in receipt.outputs if is_here]
    files += [(folder / PARTIAL / output.name, output) for output in receipt.scratch]
    missing = (path for path, output in files if not patience.finds(path, output.bytes))
    return next(missing, None)


def corrupt_tasks(
    folder: Path, step: str, count: int, patience: Patience | None = None
) -> list[int]:
    """Return the tasks whose scratch files don't match their receipts."""
    corrupt: list[int] = []
    patience = patience or Patience()
    for number in range(count):
        try:
            receipt = read(Receipt, receipt_path(folder, step, number))
        except LmkitError:
            corrupt.append(number)
            continue
        scratch = receipt.scratch if receipt else ()
        paths = ((folder / PARTIAL / output.name, output) for output in scratch)
        if not all(
            patience.finds(path, output.bytes) and sha256(path) == output.sha256
            for path, output in paths
        ):
            corrupt.append(number)
    return corrupt


def patience_with(executor: Executor | None) -> Patience:
    """Return how long files are waited for: what this machine has written is there."""
    return Patience(0.0 if executor is None else LATE_BY)


def run_tasks(
    folder: Path,
    step: str,
    work: Callable[[TaskT, TaskWriter], None],
    tasks: Sequence[TaskT],
    *,
    workers: int,
    label: str,
    size: Callable[[TaskT], TaskSize] | None = None,
    executor: Executor | None = None,
    upload: Upload | None = None,
) -> list[Receipt]:
    """Run the tasks that aren't done yet, and return the receipts of all, in order.

    Tasks of a larger `size` are started earlier, by the `executor`, or by workers on this machine.
    Raises LmkitError where a machine wrote a file that doesn't appear on this one.
    """
    patience = patience_with(executor)
    receipts = [finished(folder, step, number, patience) for number in range(len(tasks))]
    todo = _Todo(tasks, [number for number in range(len(tasks)) if not receipts[number]])
    if len(todo) < len(tasks):
        done = len(tasks) - len(todo)
        log_message(f"{folder}: resuming: {done} of {len(tasks)} tasks of '{label}' are done")
    sizes = [size(task) for _, task in todo] if size else []
    known = [each.input_bytes for each in sizes if each.input_bytes is not None]
    new = map_tasks(
        partial(_run, folder, step, work, upload),
        todo,
        workers=workers,
        label=label,
        weights=[each.weight for each in sizes] or None,
        input_bytes=known if len(known) == len(sizes) else None,
        executor=executor,
    )
    for number, receipt in zip(todo.numbers, new, strict=True):
        receipts[number] = receipt
    if executor is not None:
        _wait_for_files(folder, new)
    return [receipt for receipt in receipts if receipt]


class _Todo(Sequence[tuple[int, TaskT]]):
    """Tasks with their numbers; a task may be made only when it is asked for."""

    def __init__(self, tasks: Sequence[TaskT], numbers: Sequence[int]) -> None:
        self.numbers = numbers
        self._tasks = tasks

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> tuple[int, TaskT]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[int, TaskT]]: ...
    def __getitem__(self, index: int | slice) -> tuple[int, TaskT] | list[tuple[int, TaskT]]:
        if isinstance(index, slice):
            return [(number, self._tasks[number]) for number in self.numbers[index]]
        number = self.numbers[index]
        return number, self._tasks[number]


def _wait_for_files(folder: Path, receipts: Sequence[Receipt]) -> None:
    """Wait until what other machines have written is visible on this one."""
    patience = Patience(LATE_BY)
    for receipt in receipts:
        if path := _missing_file(folder, receipt, patience):
            raise LmkitError(
                f"{path}: a machine wrote it, and this one doesn't find it within {LATE_BY:.0f} s",
                "every machine needs the same folders under the same paths: a shared file system",
            )


def _run(
    folder: Path,
    step: str,
    work: Callable[[TaskT, TaskWriter], None],
    upload: Upload | None,
    task: tuple[int, TaskT],
) -> Receipt:
    """Run a task, unless it is done: a machine that seemed lost may have done it after all."""
    number, subject = task
    if receipt := finished(folder, step, number):
        return receipt
    writer = TaskWriter(folder, step, number, upload)
    work(subject, writer)
    return writer.finish()


def scratch(kind: str, number: int) -> str:
    """Return the name of a scratch file, which only later tasks need."""
    return f"{kind}-{number:05d}.scratch"
