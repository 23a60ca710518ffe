r"""Splits chunks into punctuation, letters, punctuation: by Arrow, many at a time.

Choice: the pattern only has punctuation and letters that are common in English text. It may miss a
chunk, which is then split by itself; what it matches is what `chunk_table.SHAPE` matches.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MAX_SHAPE = 40
"""Maximum number of characters of a chunk."""
PUNCTUATION = r"!-/:-@\[-`{-~\x{2013}\x{2014}\x{2018}\x{2019}\x{201C}\x{201D}\x{2026}"
PATTERN = (
    rf"^(?P<before>[{PUNCTUATION}]*)(?P<core>[A-Za-z]{{2,}}|[0-9]{{2,}})"
    rf"(?P<after>(?:['\x{{2019}}]s)?[{PUNCTUATION}]*)$"
)
UPPER, SECOND_TO_LAST, LAST, DIGITS = 1, 2, 4, 8
"""Bits of a core: case of its first letter, of its last two; whether it is a number."""
CODES = pa.array([chr(ord("A") + code) for code in range(16)])

_compute = cast(Any, pc)


class Key(NamedTuple):
    """The shape of a chunk: all but its letters."""

    before: str
    case: int
    after: str


class ShapedChunks(NamedTuple):
    """Chunks with their shapes."""

    indices: NDArray[np.int64]
    """Indices of these chunks in the input."""
    cores: Any
    """Their letters, or digits: an Arrow array."""
    keys: list[Key]
    """The distinct shapes."""
    shape: NDArray[np.int64]
    """Index of the shape of each chunk."""


def shaped(chunks: Sequence[str]) -> ShapedChunks:
    """Split the chunks that have a shape.

    >>> found = shaped(['"Well,', "it", "co-op", "Ann's"])
    >>> found.indices.tolist(), found.cores.to_pylist()
    ([0, 1, 3], ['Well', 'it', 'Ann'])
    >>> found.keys[0]
    Key(before='"', case=1, after=',')
    """
    array = pa.array(chunks, pa.string())
    found = _compute.extract_regex(array, PATTERN)
    fits = np.asarray(_compute.less_equal(_compute.utf8_length(array), MAX_SHAPE))
    indices = np.flatnonzero(np.asarray(found.is_valid()) & fits)
    before, core, after = found.take(pa.array(indices)).flatten()
    ends = (
        (UPPER, _is_upper(core, 0, 1)),
        (SECOND_TO_LAST, _is_upper(core, -2, -1)),
        (LAST, _is_upper(core, -1, None)),
        (DIGITS, np.asarray(_compute.ascii_is_decimal(core))),
    )
    case = np.zeros(len(indices), np.int64)
    for bit, is_on in ends:
        case += bit * is_on
    joined = _compute.binary_join_element_wise(before, CODES.take(pa.array(case)), after, "\0")
    coded = joined.dictionary_encode()
    keys = [_key(text) for text in coded.dictionary.to_pylist()]
    return ShapedChunks(indices, core, keys, coded.indices.to_numpy().astype(np.int64))


def contains_any(cores: Any, words: Sequence[str]) -> NDArray[np.bool_]:
    """Return for each core whether it contains any of some words, in any case."""
    pattern = "|".join(map(re.escape, words))
    return np.asarray(_compute.match_substring_regex(cores, pattern, ignore_case=True))


def _is_upper(cores: Any, start: int, stop: int | None) -> NDArray[np.bool_]:
    return np.asarray(_compute.ascii_is_upper(_compute.utf8_slice_codeunits(cores, start, stop)))


def _key(text: str) -> Key:
    before, case, after = text.split("\0")
    return Key(before, ord(case) - ord("A"), after)
