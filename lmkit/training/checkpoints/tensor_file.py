"""Safetensors files that are written, and read, one tensor or one part of a tensor at a time.

    8 bytes     the size of the header, little-endian
    header      JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
    data        the tensors, one after the other

Choices:
- What is written has the bytes of `safetensors.torch.save_file`: larger types come first, tensors
  of a type by name, and spaces align the data to 8 bytes. That function needs all tensors at once.
- What is read is a view of the file's pages, and the file is closed after each tensor, so that
  they don't stay in memory.
"""

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lmkit.errors import LmkitError
from lmkit.model.initialization import LocalPart

ALIGNMENT = 8
DTYPES = {
    torch.bool: "BOOL",
    torch.uint8: "U8",
    torch.int8: "I8",
    torch.int16: "I16",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int32: "I32",
    torch.float32: "F32",
    torch.float64: "F64",
    torch.int64: "I64",
}
"""The types as safetensors names them, in its order."""


class StoredShape(NamedTuple):
    """What a header says of a tensor."""

    dtype: torch.dtype
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Bytes of its data."""
        return torch.Size(self.shape).numel() * self.dtype.itemsize


def file_order(shapes: Mapping[str, StoredShape]) -> list[str]:
    """Return the names of tensors in the order in which a file holds them.

    >>> low, high = StoredShape(torch.bfloat16, (2,)), StoredShape(torch.float32, ())
    >>> file_order({"b": high, "c": low, "a": high})
    ['a', 'b', 'c']
    """
    rank = {dtype: number for number, dtype in enumerate(DTYPES)}
    return sorted(shapes, key=lambda name: (-rank[shapes[name].dtype], name.encode()))


def write_tensors(file: Path, shapes: Mapping[str, StoredShape], pieces: Iterator[Tensor]) -> None:
    """Write a file; `pieces` are the rows of the tensors in `file_order`, on the CPU.

    No more of them are taken than the file holds. Raises OSError, with the name of the file.
    """
    try:
        with file.open("wb") as opened:
            opened.write(_header(shapes))
            for name in file_order(shapes):
                left = shapes[name].bytes
                while left > 0:
                    data = next(pieces).contiguous().reshape(-1).view(torch.uint8).numpy()
                    opened.write(data.data)
                    left -= len(data)
                assert left == 0, name
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(file)) from error


def _header(shapes: Mapping[str, StoredShape]) -> bytes:
    entries: dict[str, object] = {}
    offset = 0
    for name in file_order(shapes):
        dtype, shape = shapes[name]
        end = offset + shapes[name].bytes
        entries[name] = {
            "dtype": DTYPES[dtype],
            "shape": list(shape),
            "data_offsets": [offset, end],
        }
        offset = end
    header = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % ALIGNMENT)
    return len(header).to_bytes(8, "little") + header


@dataclass(frozen=True)
class TensorFile:
    """A file whose header has been read."""

    path: Path
    shapes: Mapping[str, tuple[int, ...]]

    @classmethod
    def at(cls, path: Path) -> "TensorFile":
        """Read the header. Raises LmkitError if the file is damaged."""
        try:
            with safe_open(path, "pt") as opened:
                names = opened.keys()
                return cls(
                    path, {name: tuple(opened.get_slice(name).get_shape()) for name in names}
                )
        except (SafetensorError, OSError) as error:
            raise _damaged(path, error) from None

    @contextmanager
    def opened(self, name: str, part: LocalPart | None = None) -> Generator[Tensor]:
        """Yield a tensor, or what a process has of it: a view of the file, to be copied."""
        try:
            # Opened for each: what has been read of a file stays in memory until it is closed.
            with safe_open(self.path, "pt") as file:
                yield file.get_tensor(name) if part is None else _part(file.get_slice(name), part)
        except (SafetensorError, OSError) as error:
            raise _damaged(self.path, error) from None


def _part(tensor: Any, part: LocalPart) -> Tensor:
    length = part.tensor.shape[part.axis]
    if not length:  # a slice without numbers is an error
        return torch.empty(part.tensor.shape, dtype=part.tensor.dtype)
    return tensor[(slice(None),) * part.axis + (slice(part.start, part.start + length),)]


def _damaged(path: Path, error: Exception) -> LmkitError:
    return LmkitError(f"{path}: cannot be read: {error}", "use another checkpoint")
