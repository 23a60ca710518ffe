"""Sequences of equal length, built from documents of any length.

    documents   aaaaa bb ccccccc        sequences of 4   aaaa | abbc | cccc | cc
    pieces      (a, 0, 4) | (a, 4, 1) (b, 0, 2) (c, 0, 1) | (c, 1, 4) | (c, 5, 2)

Choices:
- Tokens are never moved. A sequence is a list of pieces, a piece is (document, start, length), and
  this row index is small, so another sequence length needs no second copy of the tokens.
- Concatenate and chunk: every token is packed exactly once, and only the last sequence may be
  short.
- Documents are ordered by hash, so sequences do not depend on how the input was split into tasks.
"""

import numpy as np
from numpy.typing import NDArray

PIECE = np.dtype([("document", "<u8"), ("start", "<u8"), ("length", "<u4")])
"""`length` tokens of a document, beginning at its token `start`."""


def document_order(keys: NDArray[np.uint64], texts: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the order in which documents are packed, as indices of documents.

    Documents with equal keys are ordered by the hash of their text. If that is equal too, they are
    copies of each other, and either order gives the same sequences.
    """
    return np.lexsort((texts, keys)).astype(np.int64, copy=False)


def chunk(
    lengths: NDArray[np.int64], sequence_length: int
) -> tuple[NDArray[np.int64], NDArray[np.void]]:
    """Split concatenated documents into sequences of `sequence_length` tokens.

    Sequence r consists of `pieces[row_starts[r]:row_starts[r + 1]]`. A document without tokens has
    no piece.

    >>> row_starts, pieces = chunk(np.array([5, 2, 7]), 4)
    >>> row_starts.tolist()
    [0, 1, 4, 5, 6]
    >>> pieces["document"].tolist(), pieces["start"].tolist(), pieces["length"].tolist()
    ([0, 0, 1, 2, 2, 2], [0, 4, 0, 0, 1, 5], [4, 1, 2, 1, 4, 2])
    """
    lengths = lengths.astype(np.int64, copy=False)
    ends = np.cumsum(lengths)
    begins = ends - lengths
    first_row = begins // sequence_length
    counts = np.where(lengths > 0, (ends - 1) // sequence_length - first_row + 1, 0)

    document = np.repeat(np.arange(len(lengths)), counts)
    row = first_row[document] + concatenated_ranges(counts)
    start = np.maximum(begins[document], row * sequence_length)
    stop = np.minimum(ends[document], (row + 1) * sequence_length)

    pieces = np.empty(len(document), PIECE)
    pieces["document"] = document
    pieces["start"] = start - begins[document]
    pieces["length"] = stop - start
    rows = int(row[-1]) + 1 if len(row) else 0
    return np.searchsorted(row, np.arange(rows + 1)).astype(np.int64, copy=False), pieces


def one_document_per_sequence(
    lengths: NDArray[np.int64], sequence_length: int
) -> tuple[NDArray[np.int64], NDArray[np.void]]:
    """Split documents into sequences of one document each; its last sequence may be short.

    >>> row_starts, pieces = one_document_per_sequence(np.array([5, 0, 2]), 4)
    >>> row_starts.tolist(), pieces["document"].tolist(), pieces["length"].tolist()
    ([0, 1, 2, 3], [0, 0, 2], [4, 1, 2])
    """
    lengths = lengths.astype(np.int64, copy=False)
    counts = -(-lengths // sequence_length)
    document = np.repeat(np.arange(len(lengths)), counts)
    start = concatenated_ranges(counts) * sequence_length
    pieces = np.empty(len(document), PIECE)
    pieces["document"] = document
    pieces["start"] = start
    pieces["length"] = np.minimum(lengths[document] - start, sequence_length)
    return np.arange(len(document) + 1, dtype=np.int64), pieces


def concatenated_ranges(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the concatenated ranges 0, 1, 2, ... of these lengths.

    >>> concatenated_ranges(np.array([3, 0, 2])).tolist()
    [0, 1, 2, 0, 1]
    """
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
