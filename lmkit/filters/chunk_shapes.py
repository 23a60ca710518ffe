r"""Chunks that are marks, letters, marks, taken apart by Arrow, many at a time.

Choice: only marks and letters that are common in English text are looked for here. The pattern may
miss a chunk, which is then taken apart by itself; what it finds is what `vocabulary.SHAPE` finds.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

LONGEST_SHAPE = 40
"""Characters of a chunk."""
MARKS = r"!-/:-@\[-`{-~\x{2013}\x{2014}\x{2018}\x{2019}\x{201C}\x{201D}\x{2026}"
PATTERN = (
    rf"^(?P<before>[{MARKS}]*)(?P<core>[A-Za-z]{{2,}}|[0-9]{{2,}})"
    rf"(?P<behind>(?:['\x{{2019}}]s)?[{MARKS}]*)$"
)
UPPER, LAST_BUT_ONE, LAST, DIGITS = 1, 2, 4, 8
"""Bits of the case of a core: of its first letter, of its last two; whether it is a number."""
CODES = pa.array([chr(ord("A") + code) for code in range(16)])

_compute = cast(Any, pc)


class Key(NamedTuple):
    """What a chunk looks like, but for its letters."""

    before: str
    case: int
    behind: str


class Shaped(NamedTuple):
    """Chunks that have a shape."""

    places: NDArray[np.int64]
    """Where they stand among those that were given."""
    cores: Any
    """Their letters, or digits: an array of Arrow."""
    keys: list[Key]
    """All shapes."""
    shape: NDArray[np.int64]
    """Which of them each has."""


def shaped(chunks: Sequence[str]) -> Shaped:
    """Take apart what has a shape.

    >>> found = shaped(['"Well,', "it", "co-op", "Ann's"])
    >>> found.places.tolist(), found.cores.to_pylist()
    ([0, 1, 3], ['Well', 'it', 'Ann'])
    >>> found.keys[0]
    Key(before='"', case=1, behind=',')
    """
    array = pa.array(chunks, pa.string())
    found = _compute.extract_regex(array, PATTERN)
    fits = np.asarray(_compute.less_equal(_compute.utf8_length(array), LONGEST_SHAPE))
    places = np.flatnonzero(np.asarray(found.is_valid()) & fits)
    before, core, behind = found.take(pa.array(places)).flatten()
    ends = (
        (UPPER, _is_upper(core, 0, 1)),
        (LAST_BUT_ONE, _is_upper(core, -2, -1)),
        (LAST, _is_upper(core, -1, None)),
        (DIGITS, np.asarray(_compute.ascii_is_decimal(core))),
    )
    case = np.zeros(len(places), np.int64)
    for bit, is_on in ends:
        case += bit * is_on
    joined = _compute.binary_join_element_wise(before, CODES.take(pa.array(case)), behind, "\0")
    coded = joined.dictionary_encode()
    keys = [_key(text) for text in coded.dictionary.to_pylist()]
    return Shaped(places, core, keys, coded.indices.to_numpy().astype(np.int64))


def holds(cores: Any, words: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which of some arrays of letters hold any of some words, in any case."""
    pattern = "|".join(map(re.escape, words))
    return np.asarray(_compute.match_substring_regex(cores, pattern, ignore_case=True))


def _is_upper(cores: Any, start: int, stop: int | None) -> NDArray[np.bool_]:
    return np.asarray(_compute.ascii_is_upper(_compute.utf8_slice_codeunits(cores, start, stop)))


def _key(text: str) -> Key:
    before, case, behind = text.split("\0")
    return Key(before, ord(case) - ord("A"), behind)
