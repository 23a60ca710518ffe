"""nanoGPT's token files: consecutive 16-bit ids, and nothing else.

    train.bin    text <separator> text <separator> ...

Choices:
- The file stores neither its tokenizer nor its document boundaries. A person names the tokenizer,
  every id is compared with its vocabulary, and documents are split at a separator that the
  tokenizer would never produce from text. After that, boundaries are stored.
- Without a separator a file is one document, as nanoGPT's character files are.
- `meta.pkl`, which nanoGPT writes next to some of them, is a pickle: loading it executes code. It
  is never loaded here.
- A file is read in slices like any other: a slice has the documents that begin in it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.documents_file import Unreadable
from lmkit.artifacts.inputs import Slice, open_slice
from lmkit.artifacts.tasks import ReadRange
from lmkit.errors import LmkitError
from lmkit.execution.meter import count_document
from lmkit.packing.chunking import concatenated_ranges
from lmkit.packing.token_shards import Shards, values
from lmkit.storage.byte_ranges import READ_BYTES, Range

ID = np.dtype("<u2")
TOKENS_PER_WRITE = 4_000_000
"""Tokens to write at a time."""


@dataclass(frozen=True)
class TokenizedDocument:
    """A document that is given as tokens, without BOS and EOS."""

    id: str
    ids: NDArray[np.uint16]
    source: str
    path: Path
    offset: int
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def size(self) -> int:
        """The approximate number of characters of its text."""
        return 4 * len(self.ids)

    def truncated(self, size: int) -> "TokenizedDocument":
        """Return approximately its first `size` characters."""
        return replace(self, ids=self.ids[: size // 4])

    def checked(self, vocabulary_size: int) -> NDArray[np.uint32]:
        """Return the tokens; raises LmkitError naming the first one outside of the vocabulary."""
        beyond = np.flatnonzero(self.ids >= vocabulary_size)
        if len(beyond):
            first = int(beyond[0])
            offset = self.offset + first * ID.itemsize
            raise LmkitError(
                f"{self.path}: the token at byte {offset:,} is {self.ids[first]}, but the "
                f"tokenizer has ids from 0 to {vocabulary_size - 1}",
                "name the tokenizer that the file was written with: --tokenizer; and the id "
                "between documents, if it is not one of its tokens: --separator",
            )
        return self.ids.astype(np.uint32)


def read_tokens(
    part: Slice, read_ranges: list[ReadRange], *, separator: int | None, max_record: int
) -> Iterator[TokenizedDocument | Unreadable]:
    """Yield the documents that begin in a slice of a .bin file."""
    for source in open_slice(part, read_ranges):
        for offset, data in _documents(part, source, separator, max_record):
            count_document()
            where = part.source, part.origin, offset, 0
            if data is None:
                reason = f"a document longer than --max-record ({max_record:,} bytes)"
                yield Unreadable(*where, reason)
            elif len(data) % ID.itemsize:
                yield Unreadable(*where, "truncated: it ends inside a token")
            else:
                location = f"{part.source}\0{part.origin}\0{offset}\0".encode()
                name = hashlib.sha256(location + data).hexdigest()[:32]
                ids = np.frombuffer(data, ID)
                yield TokenizedDocument(name, ids, part.source, part.path, offset)


def _documents(
    part: Slice, source: Range, separator: int | None, max_record: int
) -> Iterator[tuple[int, bytes | None]]:
    """Yield the offsets and the bytes of documents; None if there are too many bytes."""
    skipping = part.start > 0 and _token_before(part) != separator
    offset, buffered = part.start, bytearray()
    too_long = False
    while data := source.read(READ_BYTES):
        first = source.position - len(data)
        usable = len(data) - len(data) % ID.itemsize  # only the end of a file can be odd
        ids = np.frombuffer(data, ID, usable // ID.itemsize)
        ends = (
            [] if separator is None else (np.flatnonzero(ids == separator) * ID.itemsize).tolist()
        )
        cursor = 0
        for end in ends:
            if not skipping:
                if offset >= part.stop:
                    return
                buffered += b"" if too_long else data[cursor:end]
                fits = not too_long and len(buffered) <= max_record
                yield offset, bytes(buffered) if fits else None
            cursor = end + ID.itemsize
            offset, buffered, too_long, skipping = first + cursor, bytearray(), False, False
        if skipping:
            if source.position >= part.stop:
                return  # this document began before this slice
            continue
        if offset >= part.stop:
            return
        if not too_long:
            buffered += data[cursor:]
        if len(buffered) > max_record:
            too_long, buffered = True, bytearray()
            if separator is None:
                break
    if not skipping and offset < part.stop and (buffered or too_long):
        yield offset, None if too_long else bytes(buffered)


def _token_before(part: Slice) -> int:
    with part.path.open("rb") as file:
        file.seek(part.start - ID.itemsize)
        return int.from_bytes(file.read(ID.itemsize), "little")


def write_tokens(
    shards: Shards, framing: tuple[bool, bool], separator: int | None, file: BinaryIO
) -> tuple[int, int]:
    """Write the documents of one split of a packed folder; return their number, and the tokens'.

    `framing` is whether they were stored with BOS and with EOS; both are removed.
    """
    documents = written = 0
    for tokens, records in zip(shards.tokens, shards.documents, strict=True):
        stored = values(records)
        for group in _groups(stored["tokens"].astype(np.int64)):
            text, ends = _without_framing(values(tokens), stored[group], framing, separator)
            file.write(text.astype(ID, copy=False).data)
            documents, written = documents + len(ends), written + len(text)
    return documents, written


def _groups(lengths: NDArray[np.int64]) -> Iterator[slice]:
    """Yield groups of documents with about EXPORTED_TOKENS tokens."""
    ends = np.cumsum(lengths)
    start = 0
    while start < len(lengths):
        limit = TOKENS_PER_WRITE + (int(ends[start - 1]) if start else 0)
        stop = max(start + 1, int(np.searchsorted(ends, limit, side="right")))
        yield slice(start, stop)
        start = stop


def _without_framing(
    tokens: NDArray[Any],
    records: NDArray[np.void],
    framing: tuple[bool, bool],
    separator: int | None,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return texts and separators, and the ends of the texts."""
    bos, eos = framing
    lengths = records["tokens"].astype(np.int64) - bos - eos
    first = records["start"].astype(np.int64)
    if (
        (lengths < 0).any()
        or (first < 0).any()
        or (first > len(tokens) - lengths - bos - eos).any()
    ):
        raise LmkitError(
            "documents-*.npy: damaged: a document lies outside of its tokens",
            "make the packed folder again",
        )
    with_separator = lengths + (separator is not None)
    starts = np.cumsum(with_separator) - with_separator
    inside = concatenated_ranges(lengths)
    text = np.empty(int(with_separator.sum()), tokens.dtype)
    found = tokens[np.repeat(first + bos, lengths) + inside]
    if separator is not None:
        if (buffered := np.flatnonzero(found == separator)).size:
            number = int(np.searchsorted(np.cumsum(lengths), buffered[0], side="right"))
            raise LmkitError(
                f"a document holds the separator {separator} (token {int(buffered[0])} of a group, "
                f"document {number}): it would be read as two",
                "give another id: --separator",
            )
        text[starts + lengths] = separator
    text[np.repeat(starts, lengths) + inside] = found
    return text, starts + lengths
