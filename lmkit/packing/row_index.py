"""The row index of one split of a packed folder: the pieces of documents in every sequence.

Choices:
- Documents are packed in the order of the hashes of their ids, so no packing depends on how the
  input was split into tasks.
- The sums are checked every time: an index that loses a token, or holds one twice, would silently
  make a model worse.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.tasks import TaskWriter
from lmkit.errors import LmkitError
from lmkit.packing.best_fit import best_fit
from lmkit.packing.chunking import chunk, document_order, one_document_per_sequence
from lmkit.packing.token_rows import PIECES, STARTS, PackFunction
from lmkit.packing.token_shards import Shards, values, write_array

PACKINGS: dict[str, PackFunction] = {
    "chunk": chunk,
    "best-fit": best_fit,
    "document": one_document_per_sequence,
}


@dataclass(frozen=True)
class RowIndex:
    """Sequence r consists of `pieces[row_starts[r]:row_starts[r + 1]]`."""

    row_starts: NDArray[np.int64]
    pieces: NDArray[np.void]
    facts: dict[str, Any]
    """Sums; `cut` counts the documents that were split and would have fit in one sequence."""


def pack_into_sequences(shards: Shards, packing: str, sequence_length: int) -> RowIndex:
    """Pack the documents of all shards, in the order of their hashes."""
    lengths = shards.of_documents("tokens").astype(np.int64)
    order = document_order(shards.of_documents("key"), shards.of_documents("text"))
    row_starts, pieces = pack_in_order(PACKINGS[packing], lengths, order, sequence_length)
    tokens, packed = int(lengths.sum()), int(pieces["length"].sum())
    rows = len(row_starts) - 1
    padding = rows * sequence_length - packed
    if tokens != packed or padding < 0 or sum(map(len, shards.tokens)) != tokens:
        raise LmkitError(
            f"{shards.tokens[0].path.parent}: of {tokens:,} tokens, {packed:,} are in sequences: "
            "this is a bug in lmkit, and the output is not to be trusted"
        )
    facts = row_index_facts(
        documents=len(lengths),
        cut=split_documents(lengths, pieces, sequence_length),
        bytes_of_text=int(shards.of_documents("bytes").sum()),
        tokens=tokens,
        rows=rows,
        sequence_length=sequence_length,
    )
    return RowIndex(row_starts, pieces, facts)


def row_index_facts(
    *, documents: int, cut: int, bytes_of_text: int, tokens: int, rows: int, sequence_length: int
) -> dict[str, Any]:
    """Return what a manifest records of a row index."""
    padding = rows * sequence_length - tokens
    return {
        "documents": documents,
        "cut": cut,
        "bytes_of_text": bytes_of_text,
        "tokens": tokens,
        "rows": rows,
        "padding": padding,
        "padding_share": round(padding / max(1, rows * sequence_length), 6),
    }


def write_row_index(
    packing: str, sequence_length: int, of: tuple[str, int], writer: TaskWriter
) -> None:
    """Write the pieces of documents in every sequence; `of` is a split and its number of shards."""
    split, count = of
    index = pack_into_sequences(Shards.at(writer.folder / split, count), packing, sequence_length)
    for name, stored in ((STARTS, index.row_starts), (PIECES, index.pieces)):
        with writer.file(f"{split}/{name}") as path:
            write_array(path, stored)
    writer.facts = index.facts


def split_overlap(folder: Path, train: int, validation: int) -> tuple[int, int]:
    """Count held-out documents whose text is also in the training split, and all held-out ones.

    The arguments are the numbers of shards of the splits.
    """
    every = Shards.at(folder / "validation", validation).of_documents("text")
    held_out, counts = np.unique(every, return_counts=True)
    found = np.zeros(len(held_out), np.bool_)
    for shard in Shards.at(folder / "train", train).documents if len(held_out) else ():
        texts = np.array(values(shard)["text"])
        at = np.searchsorted(held_out, texts)
        at[at == len(held_out)] = 0
        found[at[held_out[at] == texts]] = True
    return int(counts[found].sum()), len(every)


def pack_in_order(
    pack_into_sequences: PackFunction,
    lengths: NDArray[np.int64],
    order: NDArray[np.int64],
    sequence_length: int,
) -> tuple[NDArray[np.int64], NDArray[np.void]]:
    """Pack documents in another order than that in which they are stored.

    The pieces keep the indices of the stored documents.

    >>> _, pieces = pack_in_order(chunk, np.array([5, 2]), np.array([1, 0]), 4)
    >>> pieces["document"].tolist(), pieces["length"].tolist()
    ([1, 0, 0], [2, 2, 3])
    """
    row_starts, pieces = pack_into_sequences(lengths[order], sequence_length)
    pieces["document"] = order[pieces["document"]]
    return row_starts, pieces


def split_documents(
    lengths: NDArray[np.int64], pieces: NDArray[np.void], sequence_length: int
) -> int:
    """Count the documents that would have fit in a sequence and were split.

    >>> lengths = np.array([3, 2, 9])
    >>> split_documents(lengths, chunk(lengths, 4)[1], 4)
    1
    """
    number = np.bincount(pieces["document"].astype(np.int64), minlength=len(lengths))
    return int(np.count_nonzero((number > 1) & (lengths <= sequence_length)))
