"""The row index of one split, built in ranges of the order of its documents.

    .partial/train-keys-00002.scratch      run 2: key, hash of the text, and tokens of documents
    .partial/train-starts-00001.scratch    range 1: which of its pieces begin a sequence
    .partial/train-pieces-00001.scratch    and its pieces

Choices:
- A range is a range of the hashes of ids, which are the order of documents. Runs of the shards are
  sorted by them once, and each range reads its part of every run (`sorted_runs.py`): no task holds
  more than some two million documents, which take less than 1 GB.
- `chunk` needs to know only how many tokens precede a range: a sequence that begins in one range
  goes on in the next. Its ranges, and those of `document`, put together, have the bytes of a single
  one. The number of ranges shows in nothing.
- `best-fit` compares the lengths of all documents. It does so in ranges of 16 million, which need
  some 2 GB: each range ends with a few sequences that aren't full. Fewer documents are one range.
- One task puts the ranges together, in blocks: a row index is a single array for its readers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.sorted_runs import Numbers, Runs, partitions_of
from lmkit.artifacts.tasks import Receipt, TaskWriter, scratch
from lmkit.errors import LmkitError
from lmkit.packing.row_index import (
    PACKINGS,
    row_index_facts,
    split_documents,
    write_row_index,
)
from lmkit.packing.token_rows import PIECE, PIECES, STARTS
from lmkit.packing.token_shards import ArrayWriter, Shards

RANGE = 1 << 21
"""Documents of a range, about."""
BEST_FIT_RANGE = 1 << 24
BLOCK = 1 << 20
"""Pieces that are copied at a time."""
START = np.dtype("<i8")


class SplitShards(NamedTuple):
    """The shards of a split, by the number of their documents."""

    split: str
    documents: tuple[int, ...]


@dataclass(frozen=True)
class StoredDocuments:
    """The documents of shards, numbered over all of them."""

    starts: Numbers


@dataclass(frozen=True)
class RangedRows:
    """How the documents of a split are packed, range by range."""

    split: str
    packing: str
    sequence_length: int
    runs: Runs

    @classmethod
    def of(cls, shards: SplitShards, packing: str, sequence_length: int) -> "RangedRows":
        """Choose the ranges by the number of documents alone."""
        size = BEST_FIT_RANGE if packing == "best-fit" else RANGE
        starts = np.cumsum([0, *shards.documents])
        ranges = partitions_of(int(starts[-1]), size)
        runs = Runs(StoredDocuments(starts), f"{shards.split}-keys", 3, 1, ranges)
        return cls(shards.split, packing, sequence_length, runs)

    @property
    def count(self) -> int:
        """The number of ranges."""
        return self.runs.partitions

    def write_run(self, run: tuple[int, int], writer: TaskWriter) -> None:
        """Write the keys of the documents of some shards: from the first to before the second."""
        folder = writer.folder / self.split
        shards = Shards.at(folder, run[1], first=run[0])
        starts = self.runs.starts
        counts = [len(part) for part in shards.documents]
        keys, texts, lengths = (shards.of_documents(name) for name in ("key", "text", "tokens"))
        tokens = sum(map(len, shards.tokens))
        if counts != np.diff(starts[run[0] : run[1] + 1]).tolist() or tokens != lengths.sum():
            raise LmkitError(
                f"{folder}: its shards don't hold what was written to them",
                "something else has changed them: make the folder again with --overwrite",
            )
        numbers = np.arange(starts[run[0]], starts[run[1]])
        self.runs.write(writer, numbers, [(keys, texts, lengths)])
        order = np.argsort(keys)
        before = np.concatenate([np.zeros(1, np.uint64), np.cumsum(lengths[order])])
        begins = before[np.searchsorted(keys[order], self.runs.borders)]
        writer.facts = {
            "tokens": np.diff(begins, append=before[-1]).tolist(),
            "bytes_of_text": int(shards.of_documents("bytes").sum()),
        }

    def write_range(self, firsts: Sequence[int], number: int, writer: TaskWriter) -> None:
        """Write the pieces of a range; `firsts` are the numbers of tokens that precede each."""
        (keys, texts, stored), numbers = self.runs.read(writer.partial, 0, number)
        order = np.lexsort((numbers, texts, keys))
        lengths = stored[order].astype(np.int64)
        starts, pieces = pack_range(self.packing, lengths, self.sequence_length, firsts[number])
        tokens, packed = int(lengths.sum()), int(pieces["length"].sum())
        if tokens != packed:
            raise LmkitError(
                f"{writer.folder / self.split}: of {tokens:,} tokens, {packed:,} are in sequences: "
                "this is a bug in lmkit, and the output is not to be trusted"
            )
        writer.facts = {
            "documents": len(lengths),
            "cut": split_documents(lengths, pieces, self.sequence_length),
            "tokens": tokens,
            "rows": len(starts),
            "pieces": len(pieces),
        }
        pieces["document"] = numbers[order][pieces["document"]]
        for path, found in zip(self._files(number), (starts, pieces), strict=True):
            with writer.scratch_file(path) as temporary:
                found.tofile(temporary)

    def write_index(
        self, ranges: Sequence[dict[str, Any]], bytes_of_text: int, writer: TaskWriter
    ) -> None:
        """Put the ranges together, given the facts of each."""
        names = [self._files(number) for number in range(self.count)]
        bases = [0, *accumulate(found["pieces"] for found in ranges)]
        with (
            writer.file(f"{self.split}/{STARTS}") as path,
            ArrayWriter(path, START) as starts,
        ):
            for base, (name, _) in zip(bases, names, strict=False):
                for block in _blocks(writer.partial / name, START):
                    starts.append(block + base)
            starts.append(np.array(bases[-1:], START))
        with (
            writer.file(f"{self.split}/{PIECES}") as path,
            ArrayWriter(path, PIECE) as pieces,
        ):
            for _, name in names:
                for block in _blocks(writer.partial / name, PIECE):
                    pieces.append(block)
        totals = {name: sum(found[name] for found in ranges) for name in ranges[0]}
        if (totals["rows"] + 1, totals["pieces"]) != (starts.length, pieces.length):
            raise LmkitError(
                f"{writer.folder / self.split}: the files of its ranges don't hold what was "
                "written to them",
                "something else has changed them: run the same again",
            )
        writer.facts = row_index_facts(
            documents=totals["documents"],
            cut=totals["cut"],
            bytes_of_text=bytes_of_text,
            tokens=totals["tokens"],
            rows=totals["rows"],
            sequence_length=self.sequence_length,
        )

    def _files(self, number: int) -> tuple[str, str]:
        """Return the names of the files of a range."""
        return scratch(f"{self.split}-starts", number), scratch(f"{self.split}-pieces", number)


def write_row_indexes(
    folder: OutputFolder,
    splits: Sequence[SplitShards],
    packing: str,
    sequence_length: int,
    workers: int,
) -> list[Receipt]:
    """Write the pieces of documents in every sequence, and return a receipt for each split."""
    tasks: list[RowsTask] = []
    for shards in splits:
        rows = RangedRows.of(shards, packing, sequence_length)
        tasks.append(_after_ranges(folder, rows, workers) if rows.count > 1 else RowsTask(shards))
    work = partial(_write_rows, packing, sequence_length)
    return folder.run("rows", work, tasks, label="packing sequences")


class RowsTask(NamedTuple):
    """The last step of a split: what is to be packed at once, or the ranges that were packed."""

    shards: SplitShards
    rows: RangedRows | None = None
    ranges: tuple[dict[str, Any], ...] = ()
    bytes_of_text: int = 0


def _write_rows(packing: str, sequence_length: int, task: RowsTask, writer: TaskWriter) -> None:
    if task.rows:
        task.rows.write_index(task.ranges, task.bytes_of_text, writer)
    else:
        split, documents = task.shards
        write_row_index(packing, sequence_length, (split, len(documents)), writer)


def _after_ranges(folder: OutputFolder, rows: RangedRows, workers: int) -> RowsTask:
    """Pack the ranges of a split."""
    split = rows.split
    runs = folder.run(
        f"{split}-keys",
        rows.write_run,
        rows.runs.parts,
        workers=workers,
        label=f"ordering {split}",
    )
    tokens = np.array([receipt.facts["tokens"] for receipt in runs], np.int64).sum(axis=0)
    firsts = [0, *accumulate(cast("list[int]", tokens.tolist()))]
    ranges = folder.run(
        f"{split}-ranges",
        partial(rows.write_range, firsts),
        range(rows.count),
        workers=workers,
        label=f"packing {split}",
    )
    documents = tuple(np.diff(rows.runs.starts).tolist())
    return RowsTask(
        SplitShards(split, documents),
        rows,
        tuple(receipt.facts for receipt in ranges),
        sum(receipt.facts["bytes_of_text"] for receipt in runs),
    )


def pack_range(
    packing: str, lengths: NDArray[np.int64], sequence_length: int, first: int
) -> tuple[NDArray[np.int64], NDArray[np.void]]:
    """Pack documents that `first` tokens of others precede.

    Returns the pieces that begin a sequence, which the first piece doesn't where it goes on with
    the last sequence of the others, and all pieces.

    >>> starts, pieces = pack_range("chunk", np.array([3, 6]), 4, first=6)
    >>> starts.tolist(), pieces.tolist()
    ([1, 3], [(0, 0, 2), (0, 2, 1), (1, 0, 3), (1, 3, 3)])
    """
    taken = first % sequence_length if packing == "chunk" else 0
    if not taken:
        starts, pieces = PACKINGS[packing](lengths, sequence_length)
        return starts[:-1], pieces
    # The tokens that the last sequence has already, as a document whose piece is left out.
    starts, pieces = PACKINGS[packing](np.append(taken, lengths), sequence_length)
    pieces = pieces[1:]
    pieces["document"] -= 1
    return starts[1:-1] - 1, pieces


def _blocks(path: Path, dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    with path.open("rb") as file:
        while len(block := np.fromfile(file, dtype, BLOCK)):
            yield block
