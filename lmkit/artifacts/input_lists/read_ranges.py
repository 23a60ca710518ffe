"""What tasks have read: the SHA-256 of each range of each input.

Choices:
- A receipt holds its ranges in columns, some 60 bytes each: together, receipts hold a range of
  every input.
- Ranges of all receipts are sorted once, to find what was read of each input.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, overload

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator, TypeAdapter

from lmkit.errors import LmkitError


class ReadRange(BaseModel):
    """A part of an input that a task has read."""

    model_config = ConfigDict(frozen=True)

    input: int
    start: int
    stop: int
    sha256: str


Ints = NDArray[np.int64]
Digests = NDArray[Any]
"""Bytes: 32 of a SHA-256, or, if one isn't in 64 hexadecimal digits, the texts as they are."""
SHA256 = np.dtype((np.void, 32))
HEX = re.compile("[0-9a-f]{64}")


class ReadRanges(Sequence[ReadRange]):
    """Ranges that were read, in the order in which they were."""

    def __init__(self, ranges: Iterable[ReadRange] = ()) -> None:
        found = list(ranges)
        self.inputs: Ints = np.array([each.input for each in found], np.int64)
        self.starts: Ints = np.array([each.start for each in found], np.int64)
        self._stops: Ints = np.array([each.stop for each in found], np.int64)
        self.digests = _digests([each.sha256 for each in found])

    def __len__(self) -> int:
        return len(self.inputs)

    @overload
    def __getitem__(self, index: int) -> ReadRange: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ReadRange, ...]: ...
    def __getitem__(self, index: int | slice) -> ReadRange | tuple[ReadRange, ...]:
        if isinstance(index, slice):
            return tuple(self[each] for each in range(*index.indices(len(self))))
        return ReadRange(
            input=int(self.inputs[index]),
            start=int(self.starts[index]),
            stop=int(self._stops[index]),
            sha256=_text(self.digests[index]),
        )

    def __iter__(self) -> Iterator[ReadRange]:
        return (self[index] for index in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ReadRanges):
            return NotImplemented
        return [*self] == [*other]

    __hash__ = None  # type: ignore[assignment]


class RangesByInput:
    """The ranges of several receipts, by the index of their input."""

    def __init__(self, parts: Sequence[ReadRanges]) -> None:
        self._parts = parts
        self._ends = np.cumsum([len(part) for part in parts])
        inputs = np.concatenate([np.empty(0, np.int64), *(part.inputs for part in parts)])
        self._order = np.argsort(inputs, kind="stable")
        self._inputs = inputs[self._order]

    def of(self, number: int) -> list[ReadRange]:
        """Return what was read of an input."""
        first, stop = np.searchsorted(self._inputs, [number, number + 1]).tolist()
        found: list[ReadRange] = []
        for index in self._order[first:stop].tolist():
            part = int(np.searchsorted(self._ends, index, side="right"))
            found.append(self._parts[part][index - int(self._ends[part])])
        return found


@dataclass(frozen=True)
class ReadInputs:
    """The SHA-256s of what was read of each input."""

    numbers: Ints
    """The index of each input that was read as a whole."""
    digests: NDArray[np.void]
    """Its SHA-256."""
    others: dict[int, tuple[str, ...]]
    """By the index of an input, those of its ranges in order."""

    def by_input(self) -> dict[int, tuple[str, ...]]:
        """Return the SHA-256s of every input that was read, by its index."""
        whole = zip(self.numbers.tolist(), self.digests, strict=True)
        return {number: (_text(digest),) for number, digest in whole} | self.others


class ChangedError(LmkitError):
    """An input whose content wasn't the same each time it was read."""

    def __init__(self, number: int) -> None:
        super().__init__(f"input {number} changed while it was read", "run the same again")
        self.number = number
        """The index of the input."""


def read_inputs(parts: Sequence[ReadRanges]) -> ReadInputs:
    """Return what was read of each input. Raises ChangedError."""
    inputs = np.concatenate([np.empty(0, np.int64), *(part.inputs for part in parts)])
    starts = np.concatenate([np.empty(0, np.int64), *(part.starts for part in parts)])
    digests = _together([part.digests for part in parts if len(part)])
    order = np.lexsort((starts, inputs))
    inputs, starts, digests = inputs[order], starts[order], digests[order]
    repeats = np.zeros(len(inputs), np.bool_)
    repeats[1:] = (inputs[1:] == inputs[:-1]) & (starts[1:] == starts[:-1])
    differs = repeats.copy()
    differs[1:] &= digests[1:] != digests[:-1]
    if differs.any():
        raise ChangedError(int(inputs[differs.argmax()]))
    inputs, digests = inputs[~repeats], digests[~repeats]
    firsts = np.flatnonzero(np.diff(inputs, prepend=-1))
    counts = np.diff(firsts, append=len(inputs))
    is_whole = (counts == 1) & (digests.dtype == SHA256)
    whole = firsts[is_whole]
    others = {
        int(inputs[first]): tuple(map(_text, digests[first : first + count]))
        for first, count in zip(firsts[~is_whole].tolist(), counts[~is_whole].tolist(), strict=True)
    }
    found = digests[whole] if digests.dtype == SHA256 else np.empty(0, SHA256)
    return ReadInputs(inputs[whole], found, others)


def _together(parts: Sequence[Digests]) -> Digests:
    if all(part.dtype == SHA256 for part in parts):
        return np.concatenate([np.empty(0, SHA256), *parts])
    return np.array([_text(digest).encode() for part in parts for digest in part])


def _digests(texts: Sequence[str]) -> Digests:
    if all(map(HEX.fullmatch, texts)):
        return np.array([bytes.fromhex(text) for text in texts], SHA256)
    return np.array([text.encode() for text in texts])


def _text(digest: Any) -> str:
    return digest.tobytes().hex() if isinstance(digest, np.void) else digest.decode()


_ADAPTER = TypeAdapter(tuple[ReadRange, ...])


def _validated(value: Any) -> ReadRanges:
    return value if isinstance(value, ReadRanges) else ReadRanges(_ADAPTER.validate_python(value))


def _dumped(value: ReadRanges) -> list[dict[str, Any]]:
    return [each.model_dump() for each in value]


ReadField = Annotated[ReadRanges, PlainValidator(_validated), PlainSerializer(_dumped)]
"""A field of a record: in JSON, a list of objects."""
