"""Token shards on disk: the concatenated tokens of documents, and a record per document.

    tokens-00000.npy      uint16, or uint32 for a vocabulary of more than 65,536
    documents-00000.npy   the offsets of documents, the lengths of their texts, and two hashes

Choices:
- Real .npy files: `numpy.load` reads them, with or without memory map, and needs no lmkit.
- A shard is written as its documents arrive. The number of tokens is known only at the end, so the
  header is written twice; numpy pads it to the same size for any length.
- A header that declares more than the file holds is detected on opening, not during training.
- Memory maps are shared and few (`OPEN_FILES`): each one holds a file descriptor, and a corpus may
  have more shards than a process may open files.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import InputError, LmkitError
from lmkit.storage.array_header import read_array_header

DOCUMENT = np.dtype(
    [("start", "<u8"), ("tokens", "<u8"), ("bytes", "<u8"), ("key", "<u8"), ("text", "<u8")]
)
"""First token in the shard, stored tokens (including BOS and EOS), UTF-8 bytes of the text,
hash of the id, hash of the text."""

OPEN_FILES = 256
TOKENS_PER_WRITE = 200_000
"""Documents wait until they have so many tokens together."""


def tokens_name(shard: int) -> str:
    """Return the name of the file with a shard's tokens."""
    return f"tokens-{shard:05}.npy"


def documents_name(shard: int) -> str:
    """Return the name of the file with a shard's document records."""
    return f"documents-{shard:05}.npy"


def token_type(vocabulary_size: int) -> np.dtype[Any]:
    """Return the smallest type that holds every id.

    >>> token_type(65_536), token_type(65_537)
    (dtype('uint16'), dtype('uint32'))
    """
    return np.dtype("<u2") if vocabulary_size <= 1 << 16 else np.dtype("<u4")


class ArrayWriter:
    """A one-dimensional .npy file that grows."""

    def __init__(self, path: Path, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.length = 0
        self._file: BinaryIO = path.open("wb")
        self._write_header()

    def append(self, values: NDArray[Any]) -> None:
        """Append values to the file."""
        self._file.write(np.ascontiguousarray(values, self.dtype).data)
        self.length += len(values)

    def close(self) -> None:
        """Complete the file, so that numpy can load it."""
        size = self._file.seek(0, os.SEEK_END) - self.length * self.dtype.itemsize
        self._file.seek(0)
        self._write_header()
        assert self._file.tell() == size, "numpy's header has grown over the first values"
        self._file.close()

    def _write_header(self) -> None:
        descr: Any = np.lib.format.dtype_to_descr(self.dtype)
        header = {"descr": descr, "fortran_order": False, "shape": (self.length,)}
        np.lib.format.write_array_header_1_0(self._file, header)

    def close_unfinished(self) -> None:
        """Close a file that will not be finished, for example because the disk is full."""
        with suppress(OSError):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close() if kind is None else self.close_unfinished()


class ShardWriter:
    """Writes one shard: tokens to the first file, document records to the second."""

    def __init__(self, tokens: Path, documents: Path, vocabulary_size: int) -> None:
        self.vocabulary_size = vocabulary_size
        self._tokens = ArrayWriter(tokens, token_type(vocabulary_size))
        self._documents = ArrayWriter(documents, DOCUMENT)

        self._parts: list[NDArray[Any]] = []
        self._records: list[tuple[int, int, int, int, int]] = []
        self._waiting = 0
        """Tokens in `_parts`; many documents are written at a time."""

    def append(self, *tokens: NDArray[Any], bytes_of_text: int, key: int, text: int) -> None:
        """Write a document, given as parts; `key` and `text` hash its id and its text.

        Raises LmkitError, here or on `close`, for a token that is not in the vocabulary.
        """
        length = sum(map(len, tokens))
        self._records.append((self.tokens, length, bytes_of_text, key, text))
        self._parts += tokens
        self._waiting += length
        if self._waiting >= TOKENS_PER_WRITE:
            self._write()

    def _write(self) -> None:
        if not self._records:
            return
        tokens = np.concatenate(self._parts)
        if len(tokens) and (largest := int(tokens.max())) >= self.vocabulary_size:
            raise LmkitError(  # as 16 bits it would silently become another token
                f"a document has the token {largest}, but the vocabulary ends at "
                f"{self.vocabulary_size - 1}",
                "the tokenizer is damaged: make it again",
            )
        self._tokens.append(tokens)
        self._documents.append(np.array(self._records, DOCUMENT))
        self._parts, self._records, self._waiting = [], [], 0

    @property
    def tokens(self) -> int:
        """The number of tokens appended so far."""
        return self._tokens.length + self._waiting

    @property
    def documents(self) -> int:
        """The number of documents appended so far."""
        return self._documents.length + len(self._records)

    def close(self) -> None:
        """Complete both files, so that numpy can load them."""
        self._write()
        self._tokens.close()
        self._documents.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.close()
        finally:
            for array in (self._tokens, self._documents):
                array.close_unfinished()  # nothing, if it is complete


def write_array(path: Path, values: NDArray[Any]) -> None:
    """Write a .npy file under exactly this name (`numpy.save` would add a suffix)."""
    with path.open("wb") as file:
        np.save(file, values, allow_pickle=False)


@dataclass(frozen=True)
class StoredArray:
    """A .npy file whose header has been read and whose size matches it."""

    path: Path
    dtype: np.dtype[Any]
    length: int
    offset: int
    stamp: tuple[int, int, int]
    """Inode, size and change time, so that a file that was replaced is mapped again."""

    def __len__(self) -> int:
        return self.length

    @classmethod
    def at(cls, path: Path, *accepted: np.dtype[Any]) -> "StoredArray":
        """Read a header; raises InputError if the file is missing, damaged or of another type."""
        hint = "its folder is damaged; make it again with lmkit pack --overwrite"
        try:
            with path.open("rb") as file:
                shape, fortran_order, dtype = read_array_header(file)
                offset, status = file.tell(), os.fstat(file.fileno())
        except FileNotFoundError:
            raise InputError(f"{path}: no such file", hint) from None
        except OSError as error:
            raise InputError(f"{path}: cannot read it: {error.strerror}") from None
        except (ValueError, EOFError):
            raise InputError(f"{path}: not a .npy file", hint) from None
        if len(shape) != 1 or fortran_order or dtype not in accepted:
            kinds = " or ".join(str(kind) for kind in accepted)
            raise InputError(
                f"{path}: holds {shape} {dtype}, must be one-dimensional {kinds}", hint
            )
        expected = offset + shape[0] * dtype.itemsize
        if status.st_size != expected:
            raise InputError(f"{path}: has {status.st_size} bytes, must have {expected}", hint)
        stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
        return cls(path, dtype, shape[0], offset, stamp)


def values(array: "StoredArray | NDArray[Any]") -> NDArray[Any]:
    """Return the values of an array in memory or on disk; only the parts in use are read."""
    return array if isinstance(array, np.ndarray) else _map(array)


@lru_cache(maxsize=OPEN_FILES)
def _map(array: StoredArray) -> NDArray[Any]:
    try:
        # numpy's own memmap type would make every later operation slower.
        mapped = np.memmap(array.path, array.dtype, "r", array.offset, (array.length,))
    except (OSError, ValueError) as error:
        raise InputError(f"{array.path}: cannot read it: {error}") from None
    return mapped.view(np.ndarray)


@dataclass(frozen=True)
class Shards:
    """The shards of one split of a packed folder, in order."""

    tokens: tuple[StoredArray, ...]
    documents: tuple[StoredArray, ...]

    @classmethod
    def at(cls, folder: Path, stop: int | None = None, *, first: int = 0) -> "Shards":
        """Open the shards of a folder from the `first` to before `stop`; without it, all others."""
        stop = len(list(folder.glob("tokens-*.npy"))) if stop is None else stop
        if not stop:
            raise InputError(f"{folder}: no token shards", "give a folder that lmkit pack wrote")
        kinds = (np.dtype("<u2"), np.dtype("<u4"))
        return cls(
            tuple(StoredArray.at(folder / tokens_name(n), *kinds) for n in range(first, stop)),
            tuple(StoredArray.at(folder / documents_name(n), DOCUMENT) for n in range(first, stop)),
        )

    def of_documents(self, field: str) -> NDArray[np.uint64]:
        """Return one field of DOCUMENT for the documents of all shards."""
        return np.concatenate([values(documents)[field] for documents in self.documents])
