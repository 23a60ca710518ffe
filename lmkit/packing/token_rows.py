"""Sequences of tokens, for any objective.

Legend: B sequences, T positions in a sequence, P pieces, N tokens.

Choices:
- Any sequences in any order: the composition of batches is decided elsewhere, and no state is kept
  between two reads.
- A sequence stores the piece of every position, since two documents must not attend to each other
  and no token id is a reliable document boundary.
- The token after a sequence's last position is read from the shard, wherever its document
  continues. So every token but a document's first is a target exactly once per epoch.
- One gather per shard, and no loop over pieces: a sequence of short documents costs no more than a
  sequence of one long document.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import InputError
from lmkit.packing.chunking import PIECE, chunk, concatenated_ranges
from lmkit.packing.token_shards import DOCUMENT, Shards, StoredArray, values

STARTS = "rows/starts.npy"
"""R + 1 numbers: sequence r consists of the pieces starts[r] to starts[r + 1]."""

PIECES = "rows/pieces.npy"
"""PIECE records; a document's index counts over all shards, in their order."""

NO_TARGET = -100
"""The target where no token follows; the default `ignore_index` of torch's cross entropy."""

Stored = StoredArray | NDArray[Any]
PackFunction = Callable[[NDArray[np.int64], int], tuple[NDArray[np.int64], NDArray[np.void]]]
"""From the lengths of documents and of a sequence to the starts of sequences, and pieces."""


@dataclass(frozen=True)
class SequenceBatch:
    """B sequences of T positions."""

    tokens_BT: NDArray[np.int64]
    """Token ids; the pad id at padding."""

    following_BT: NDArray[np.int64]
    """The next token of the same document, even outside of the sequence; NO_TARGET where the
    document ends, and at padding."""

    documents_BT: NDArray[np.int32]
    """The piece of the sequence that a position belongs to: 1, 2, ...; 0 at padding."""

    positions_BT: NDArray[np.int64]
    """0, 1, 2, ... from the start of every piece; 0 at padding."""

    complete_BT: NDArray[np.bool_]
    """Whether a piece is a complete document; false at padding."""

    def rows(self, first: int, stop: int) -> "SequenceBatch":
        """Return some of the sequences."""
        return SequenceBatch(**{name: array[first:stop] for name, array in vars(self).items()})

    def trimmed(self) -> "SequenceBatch":
        """Remove the last positions if they are padding in all sequences."""
        used_T = (self.documents_BT > 0).any(axis=0)
        width = int(np.flatnonzero(used_T)[-1]) + 1 if used_T.any() else 1
        return SequenceBatch(**{name: array[:, :width] for name, array in vars(self).items()})


class TokenSequences:
    """The sequences of one split of a packed folder, or of documents in memory.

    >>> documents = [(np.array([5, 6, 7]), 3), (np.array([8, 9]), 2)]
    >>> rows = TokenSequences.from_documents(documents, 4, pad=0)
    >>> len(rows), rows.documents, rows.tokens, rows.bytes_of_text
    (2, 2, 5, 5)
    >>> batch = rows.read(np.array([0, 1]))
    >>> batch.tokens_BT.tolist()
    [[5, 6, 7, 8], [9, 0, 0, 0]]
    >>> batch.following_BT.tolist()
    [[6, 7, -100, 9], [-100, -100, -100, -100]]
    """

    def __init__(
        self,
        tokens: Sequence[Stored],
        documents: Sequence[Stored],
        index: tuple[Stored, Stored],
        sequence_length: int,
        pad: int,
        vocabulary_size: int | None = None,
    ) -> None:
        self.sequence_length = sequence_length
        self.pad = pad
        self._vocabulary_size = vocabulary_size
        self._tokens = tokens
        self._documents = documents
        self._starts, self._pieces = index
        self._first_document = np.cumsum([0, *(len(part) for part in documents)])

    @classmethod
    def open(
        cls, folder: Path, sequence_length: int, pad: int, vocabulary_size: int | None = None
    ) -> "TokenSequences":
        """Open `train/` or `validation/` of a packed folder; tokens are memory-mapped.

        What is read later is checked then, against the vocabulary too where it is given: an
        InputError names the file that doesn't fit.
        """
        shards = Shards.at(folder)
        starts = StoredArray.at(folder / STARTS, np.dtype("<i8"))
        pieces = StoredArray.at(folder / PIECES, PIECE)
        count = int(values(starts)[-1]) if len(starts) else -1
        if count != len(pieces):
            raise InputError(
                f"{folder / STARTS}: counts {count} pieces, but {PIECES} has {len(pieces)}",
                "the folder is damaged; make it again with lmkit pack --overwrite",
            )
        index = starts, pieces
        return cls(shards.tokens, shards.documents, index, sequence_length, pad, vocabulary_size)

    @classmethod
    def from_documents(
        cls,
        documents: Sequence[tuple[NDArray[Any], int]],
        sequence_length: int,
        pad: int,
        pack_into_sequences: PackFunction = chunk,
    ) -> "TokenSequences":
        """Pack documents in memory: their ids, and the UTF-8 bytes of their texts."""
        lengths = np.array([len(ids) for ids, _ in documents], np.int64)
        records = np.zeros(len(documents), DOCUMENT)
        records["start"] = np.cumsum(lengths) - lengths
        records["tokens"] = lengths
        records["bytes"] = [bytes_of_text for _, bytes_of_text in documents]
        tokens = np.concatenate([np.empty(0, np.int64), *(ids for ids, _ in documents)])
        index = pack_into_sequences(lengths, sequence_length)
        return cls([tokens.astype(np.int64)], [records], index, sequence_length, pad)

    def __len__(self) -> int:
        return len(self._starts) - 1

    @property
    def documents(self) -> int:
        """The number of documents in the sequences."""
        return int(self._first_document[-1])

    @cached_property
    def tokens(self) -> int:
        """The number of tokens of all documents, including BOS and EOS."""
        return sum(len(part) for part in self._tokens)

    @cached_property
    def bytes_of_text(self) -> int:
        """The number of UTF-8 bytes of the texts of all documents."""
        return sum(int(values(part)["bytes"].sum()) for part in self._documents)

    def lengths(self) -> NDArray[np.int64]:
        """Return the numbers of tokens in the sequences, without padding."""
        ends = np.concatenate([[0], np.cumsum(values(self._pieces)["length"].astype(np.int64))])
        starts = values(self._starts)
        if starts.min() < 0 or starts.max() >= len(ends):
            raise _damaged(self._starts)
        return np.diff(ends[starts])

    def read(self, rows: NDArray[np.int64]) -> SequenceBatch:
        """Read the sequences with these indices, in this order."""
        pieces, offsets_P, numbers_P = self._index(rows)
        shards_P, begins_P, continues_P = self._find(pieces)
        whole_P = (pieces["start"] == 0) & ~continues_P

        order = np.argsort(shards_P, kind="stable")  # so that a shard's tokens are contiguous
        lengths_P = pieces["length"].astype(np.int64)[order]
        shards_P, begins_P, continues_P = shards_P[order], begins_P[order], continues_P[order]
        inside_N = concatenated_ranges(lengths_P)
        shards_N = np.repeat(shards_P, lengths_P)
        tokens_N = self._gather(shards_N, np.repeat(begins_P, lengths_P) + inside_N)

        after_P = np.full(len(lengths_P), NO_TARGET, np.int64)
        after_P[continues_P] = self._gather(
            shards_P[continues_P], (begins_P + lengths_P)[continues_P]
        )
        following_N = np.roll(tokens_N, -1)
        following_N[np.cumsum(lengths_P) - 1] = after_P

        shape = (len(rows), self.sequence_length)
        offsets_N = np.repeat(offsets_P[order], lengths_P) + inside_N
        numbers_N = np.repeat(numbers_P[order], lengths_P).astype(np.int32)

        def spread(values_N: NDArray[Any], padding: int | bool) -> NDArray[Any]:
            flat = np.full(shape[0] * shape[1], padding, values_N.dtype)
            flat[offsets_N] = values_N
            return flat.reshape(shape)

        return SequenceBatch(
            tokens_BT=spread(tokens_N, self.pad),
            following_BT=spread(following_N, NO_TARGET),
            documents_BT=spread(numbers_N, 0),
            positions_BT=spread(inside_N, 0),
            complete_BT=spread(np.repeat(whole_P[order], lengths_P), False),
        )

    def _index(
        self, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.void], NDArray[np.int64], NDArray[np.int64]]:
        """Return the pieces of sequences, their offsets in the flat batch, and their numbers."""
        starts = values(self._starts)
        first_B, stops_B = starts[rows], starts[rows + 1]
        counts_B = stops_B - first_B
        if (first_B < 0).any() or (counts_B < 0).any() or (stops_B > len(self._pieces)).any():
            raise _damaged(self._starts)
        nth_P = concatenated_ranges(counts_B)
        pieces = values(self._pieces)[np.repeat(first_B, counts_B) + nth_P]

        lengths_P = pieces["length"].astype(np.int64)
        before_P = np.cumsum(lengths_P) - lengths_P
        columns_P = before_P - before_P[np.arange(len(pieces)) - nth_P]
        if len(pieces) and (longest := int((columns_P + lengths_P).max())) > self.sequence_length:
            raise InputError(
                f"a sequence holds {longest} tokens, but {self.sequence_length} are to be read",
                "give the sequence length of the packed folder",
            )
        rows_P = np.repeat(np.arange(len(rows)), counts_B)
        return pieces, rows_P * self.sequence_length + columns_P, nth_P + 1

    def _find(
        self, pieces: NDArray[np.void]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Return the shards of pieces, their first tokens there, and if documents continue."""
        # Unsigned and signed integers together would be promoted to floats.
        numbers_P = pieces["document"].astype(np.int64)
        begins_P = pieces["start"].astype(np.int64)
        stops_P = begins_P + pieces["length"].astype(np.int64)
        if (numbers_P < 0).any() or (numbers_P >= self.documents).any():
            raise _damaged(self._pieces)
        shards_P = np.searchsorted(self._first_document, numbers_P, side="right") - 1
        continues_P = np.zeros(len(pieces), np.bool_)
        for shard in np.unique(shards_P):
            here = shards_P == shard
            records = values(self._documents[shard])[numbers_P[here] - self._first_document[shard]]
            firsts, lengths = (records[name].astype(np.int64) for name in ("start", "tokens"))
            if (begins_P[here] < 0).any() or (stops_P[here] > lengths).any():
                raise _damaged(self._pieces)
            if (firsts < 0).any() or (firsts > len(self._tokens[shard]) - lengths).any():
                raise _damaged(self._documents[shard])
            begins_P[here] += firsts
            continues_P[here] = stops_P[here] < lengths
        return shards_P, begins_P, continues_P

    def _gather(self, shards_N: NDArray[np.int64], offsets_N: NDArray[np.int64]) -> NDArray[Any]:
        """Return the tokens at offsets in shards; the offsets of a shard are contiguous."""
        tokens_N = np.empty(len(offsets_N), np.int64)
        edges = np.flatnonzero(np.diff(shards_N)) + 1
        for first, stop in zip([0, *edges], [*edges, len(offsets_N)], strict=True):
            if first < stop:
                shard = self._tokens[shards_N[first]]
                tokens_N[first:stop] = found = values(shard)[offsets_N[first:stop]]
                if self._vocabulary_size is not None and found.max() >= self._vocabulary_size:
                    raise _damaged(shard)
        return tokens_N


def _damaged(stored: Stored) -> InputError:
    """Return the error for a file that other files of its folder contradict."""
    assert isinstance(stored, StoredArray), "in memory it can't be damaged"
    return InputError(
        f"{stored.path}: damaged: it doesn't fit the other files of its folder",
        "make the folder again with lmkit pack --overwrite",
    )
