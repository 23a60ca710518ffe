"""Where equal things occur in all documents, and which occurrence is the first; out of core.

    .partial/lines-00003.scratch         what task 3 has noted: key, document, place
    .partial/lines-found-00007.scratch   of the keys of share 7: the occurrences that repeat another

Choices:
- A task notes 16 bytes an occurrence, in runs of two million that are sorted by key. A share is a
  range of keys: it is cut out of every run by bisection and matched by itself, so that it takes
  the memory of one share, whatever there is in all. Shares are made so that each holds some
  sixteen million.
- The first occurrence is that in the document that ranks first, and in that the one that comes
  first. Ranks are a number a document, on disk.
- In one document, what overlaps the first occurrence doesn't repeat it: of "ha ha ha …" as many
  words stay as one passage has.
- On paper: passages of 50 words note each word. A billion documents of 700 words make 11 TB, in
  45,000 shares; where that is too much, lines and paragraphs make a tenth or less of it.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.tasks import TaskWriter

Keys = NDArray[np.uint64]
Numbers = NDArray[np.int64]
ROW = np.dtype([("key", "<u8"), ("document", "<u4"), ("place", "<u4")])
FOUND = np.dtype([("document", "<i8"), ("place", "<u4"), ("first_place", "<u4"), ("first", "<i8")])
RUN = 1 << 21
"""Occurrences that are sorted at a time."""
SHARE = 1 << 24
"""Occurrences that are matched at a time."""


class Note(Protocol):
    """Takes the keys of the next document of a task, and their places in it."""

    def __call__(self, keys: Keys, places: Numbers) -> None:
        """Note a document, even one in which nothing occurs."""
        ...


@contextmanager
def noting(writer: TaskWriter, kind: str, run: int = RUN) -> Generator[Note]:
    """Hand out what is called with what occurs in each document of a task, in order."""
    held: list[NDArray[Any]] = []
    size = document = 0
    with (
        writer.scratch_file(f"{kind}-{writer.number:05d}.scratch") as path,
        path.open("wb") as file,
    ):

        def flush(whole: int) -> None:
            nonlocal held, size
            rows = np.concatenate([*held, np.empty(0, ROW)])
            held, size = [rows[whole:]], len(rows) - whole
            # Equal keys stay in the order of documents and places.
            file.write(rows[:whole][np.argsort(rows["key"][:whole], kind="stable")].tobytes())

        def note(keys: Keys, places: Numbers) -> None:
            nonlocal size, document
            rows = np.empty(len(keys), ROW)
            rows["key"], rows["document"], rows["place"] = keys, document, places
            document += 1
            held.append(rows)
            size += len(rows)
            while size >= run:
                flush(run)

        yield note
        flush(size)


def shares_of(partial: Path, kind: str, tasks: int, share: int = SHARE) -> int:
    """Return into how many shares the keys are cut."""
    sizes = ((partial / f"{kind}-{task:05d}.scratch").stat().st_size for task in range(tasks))
    return max(1, -(-sum(sizes) // ROW.itemsize // share))


class Corpus(Protocol):
    """What is known of all documents, by their number over all tasks."""

    starts: Numbers
    """The number of the first document of each task, and how many there are in all."""

    def gone(self, task: int) -> Numbers:
        """Return the documents of a task that don't count."""
        ...

    def ranks(self, numbers: Numbers) -> Numbers:
        """Return the ranks of documents."""
        ...


def write_found(
    writer: TaskWriter, kind: str, corpus: Corpus, shares: int, width: int, run: int = RUN
) -> None:
    """Write which occurrences of keys of a share repeat another; each is `width` places wide."""
    parts = [np.empty(0, FOUND)]
    keys = [np.empty(0, np.uint64)]
    for task in range(len(corpus.starts) - 1):
        gone = corpus.gone(task) - corpus.starts[task]
        for rows in _runs(writer.partial / f"{kind}-{task:05d}.scratch", run):
            mine = np.array(rows[slice(*_range(rows["key"], writer.number, shares))])
            mine = mine[~np.isin(mine["document"], gone)] if len(gone) else mine
            part = np.zeros(len(mine), FOUND)
            part["document"] = mine["document"] + corpus.starts[task]
            part["place"] = mine["place"]
            parts.append(part)
            keys.append(mine["key"])
    found = repeats(np.concatenate(keys), np.concatenate(parts), corpus, width)
    with writer.scratch_file(f"{kind}-found-{writer.number:05d}.scratch") as path:
        path.write_bytes(found[np.argsort(found["document"], kind="stable")].tobytes())


def repeats(keys: Keys, rows: NDArray[Any], corpus: Corpus, width: int) -> NDArray[Any]:
    """Return the rows that repeat the first with the same key, and with it where that is."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    same = ordered[1:] == ordered[:-1]
    shared = np.append(same, False) | np.insert(same, 0, False) if len(keys) else same
    keys, rows = ordered[shared], rows[order[shared]]
    order = np.lexsort((rows["place"], corpus.ranks(rows["document"]), keys))
    keys, rows = keys[order], rows[order]
    begins = np.insert(keys[1:] != keys[:-1], 0, True) if len(keys) else np.empty(0, bool)
    first = rows[begins][np.cumsum(begins) - 1]
    rows["first"], rows["first_place"] = first["document"], first["place"]
    apart = rows["place"].astype(np.int64) - first["place"] >= width
    return rows[~begins & ((rows["document"] != first["document"]) | apart)]


def read_found(partial: Path, kind: str, shares: int, first: int, stop: int) -> NDArray[Any]:
    """Read the occurrences that repeat another in documents `first` to `stop`, in their order."""
    parts = [np.empty(0, FOUND)]
    for share in range(shares):
        rows = _mapped(partial / f"{kind}-found-{share:05d}.scratch", FOUND)
        low, high = (_bisected(rows["document"], border) for border in (first, stop))
        parts.append(np.array(rows[low:high]))
    found = np.concatenate(parts)
    return found[np.lexsort((found["place"], found["document"]))]


def _runs(path: Path, run: int) -> Sequence[NDArray[Any]]:
    rows = _mapped(path, ROW)
    return [rows[start : start + run] for start in range(0, len(rows), run)]


def _range(keys: Keys, number: int, shares: int) -> tuple[int, int]:
    """Return from where to where the keys of a share lie; they are sorted."""
    return _bisected(keys, (number << 64) // shares), _bisected(
        keys, ((number + 1) << 64) // shares
    )


def _bisected(keys: NDArray[Any], border: int) -> int:
    """Return how many keys are below a border: without reading more than a few of them."""
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if int(keys[middle]) < border else (low, middle)
    return low


def _mapped(path: Path, kind: np.dtype[Any]) -> NDArray[Any]:
    return np.memmap(path, kind, "r") if path.stat().st_size else np.empty(0, kind)
