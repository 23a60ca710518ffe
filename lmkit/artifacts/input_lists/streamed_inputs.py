"""A list of many inputs, in a file next to the plan or the manifest that it belongs to.

    work/clean/manifest.json                        "inputs": {"file": "inputs-….jsonl.zst", …}
    work/clean/inputs-0123456789abcdef.jsonl.zst    an input a line, as a short manifest lists them

Choices:
- A stage that reads the folder needs its outputs, never its inputs: a manifest of ten million
  inputs would take it a minute to read.
- The file is named by its content, and written first: a plan that is replaced, or a run that is
  killed in between, never has the list of another.
- The list is streamed: what compares it, or sums it up, holds one input at a time. What is read is
  compared with the SHA-256 in the manifest, the number of inputs, and the size of a line.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, BinaryIO, cast, overload

import zstandard
from pydantic import BaseModel, ConfigDict, Field

from lmkit.artifacts.input_lists.recorded_input import Input
from lmkit.errors import InputError
from lmkit.storage.atomic_files import atomic_write, fsync, sha256
from lmkit.storage.json_bytes import from_json, object_of, to_json
from lmkit.storage.remote_files import open_file, shown

LIST = "inputs.jsonl.zst"
"""Its name until it is complete."""
LIST_NAME = r"inputs-[0-9a-f]{16}\.jsonl\.zst"
NAME = re.compile(LIST_NAME)
MOST_IN_A_MANIFEST = 100_000
"""Inputs that a plan or a manifest lists itself."""
MAX_LINE = 1 << 20
STEP = 1 << 20
LEVEL = 3
LIMIT = 1 << 63
FIELDS = (str, str, int, str, (int, type(None)), list)
"""The types of the fields of an input."""


class InputsFile(BaseModel):
    """What a manifest holds of a list in a file."""

    model_config = ConfigDict(frozen=True)

    file: Annotated[str, Field(pattern=f"^{LIST_NAME}$")]
    count: Annotated[int, Field(ge=0, lt=1 << 63)]
    """Inputs in it."""
    bytes: Annotated[int, Field(ge=0, lt=1 << 63)]
    """Its size."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    input_bytes: Annotated[int, Field(ge=0, lt=1 << 63)]
    """The bytes of all inputs together."""


class StreamedInputs(Sequence[Input]):
    """Inputs that are read from a file each time they are asked for."""

    def __init__(self, record: InputsFile, folder: str = "") -> None:
        self.record = record
        self.folder = folder
        """The folder of the file, or its URL."""

    @property
    def path(self) -> str:
        """The path of the file."""
        return f"{self.folder}/{self.record.file}" if self.folder else self.record.file

    def __len__(self) -> int:
        return self.record.count

    @overload
    def __getitem__(self, index: int) -> Input: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Input, ...]: ...
    def __getitem__(self, index: int | slice) -> Input | tuple[Input, ...]:
        """Return inputs by their indices, after reading all before them, once."""
        if isinstance(index, slice):
            wanted = range(*index.indices(len(self)))
            if not wanted:
                return ()
            upwards = wanted if wanted.step > 0 else wanted[::-1]
            found = tuple(islice(self, upwards.start, upwards.stop, upwards.step))
            return found if wanted.step > 0 else found[::-1]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(index)
        return next(islice(self, number, None))

    def __iter__(self) -> Iterator[Input]:
        """Yield all inputs. Raises InputError for a file that isn't what was written."""
        count = 0
        try:
            with open_file(self.path) as file:
                content = _Hashed(file, self.record.bytes)
                for line in _lines(content):
                    count += 1
                    if count > self.record.count:
                        raise ValueError(f"it holds more than {self.record.count:,} inputs")
                    yield _input(line)
                if not content.matches(self.record.sha256):
                    raise ValueError("its SHA-256 is another than when it was written")
                if count != self.record.count:
                    raise ValueError(f"it holds {count:,} inputs of {self.record.count:,}")
        except FileNotFoundError:
            raise self._damaged("it is missing") from None
        except OSError as error:
            raise self._damaged(error.strerror or str(error)) from None
        except (ValueError, zstandard.ZstdError) as error:
            raise self._damaged(str(error)) from None

    def _damaged(self, reason: str) -> InputError:
        return InputError(
            f"{shown(self.path)}: damaged: {reason}",
            "restore a good copy, or make its folder again with --overwrite",
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StreamedInputs):
            return NotImplemented
        return self.record == other.record

    __hash__ = None  # type: ignore[assignment]


def write_inputs(inputs: Iterable[Input], folder: Path, scratch: Path) -> StreamedInputs:
    """Write a list to a folder; `scratch` is a folder on the same disk."""
    count = total = 0
    with atomic_write(scratch / LIST, scratch) as temporary:
        compressor = zstandard.ZstdCompressor(LEVEL, write_checksum=True)
        with temporary.open("wb") as file, compressor.stream_writer(file) as stream:
            for each in inputs:
                stream.write(to_json(_record(each)))
                count += 1
                total += each.bytes
        digest, size = sha256(temporary), temporary.stat().st_size
    name = f"inputs-{digest[:16]}.jsonl.zst"
    (scratch / LIST).replace(folder / name)
    fsync(folder)
    record = InputsFile(file=name, count=count, bytes=size, sha256=digest, input_bytes=total)
    return StreamedInputs(record, str(folder))


def remove_other_lists(folder: Path, kept: Iterable[Path]) -> None:
    """Delete the lists in a folder that a plan has replaced."""
    for path in set(folder.glob("inputs-*.jsonl.zst")) - set(kept):
        path.unlink()


class _Hashed:
    """The bytes of a file, of at most the size that it should have."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size + 1
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(min(size if size >= 0 else STEP, self._left))
        self._left -= len(data)
        self._digest.update(data)
        return data

    def matches(self, digest: str) -> bool:
        while self.read(STEP):
            pass
        return self._digest.hexdigest() == digest


def _lines(content: _Hashed) -> Iterator[bytes]:
    reader = zstandard.ZstdDecompressor().stream_reader(cast(BinaryIO, content))
    rest = b""
    while block := reader.read(STEP):
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
        if len(rest) > MAX_LINE:
            raise ValueError(f"a line has more than {MAX_LINE:,} bytes")
    if rest:
        raise ValueError("it ends within a line")


def _record(item: Input) -> dict[str, Any]:
    return {
        "path": item.path,
        "source": item.source,
        "bytes": item.bytes,
        "origin": item.origin,
        "modified": item.modified,
        "sha256": item.sha256,
    }


def _input(line: bytes) -> Input:
    """Return the input of a line; ValueError for one that lmkit didn't write."""
    record = object_of(from_json(line))
    names = ("path", "source", "bytes", "origin", "modified", "sha256")
    values: list[Any] = [record.get(name) for name in names]
    if not all(map(isinstance, values, FIELDS)):
        raise ValueError("a line isn't an input")
    path, source, size, origin, modified, digests = values
    is_number = 0 <= size < LIMIT and -LIMIT < (modified or 0) < LIMIT
    if not is_number or not all(isinstance(digest, str) for digest in digests):
        raise ValueError("a line isn't an input")
    return Input(path, source, size, origin, modified, tuple(digests))
