r"""Splits chunks into letters and what is between them: with numpy, many at a time.

A core is a run of at least two ASCII letters, or digits. The shape of a chunk is the chunk with one
byte in place of each core, which stands for its case. In most chunks, which words there are depends
on nothing but the shape; so it is computed once per shape.

Choices:
- The bytes of all chunks are classified, and cores are where the class changes: some 300 ns a
  chunk; a regular expression takes ten times as long.
- Other characters are ASCII punctuation, that which is common in English text, and single letters.
  A chunk with any other character has no shape.
- Only shapes of a simple form count (`parsed`): others may depend on the letters, as those with a
  full stop in the middle do, which may be the name of a host.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.filters.byte_strings import Bytes, ByteStrings, Ints, concatenated, ranges

MAX_SHAPE = 40
"""Maximum number of bytes of a chunk."""
PUNCTUATION = "–—‘’“”…"  # noqa: RUF001
"""Other than ASCII's: three bytes each, the first two of which are the same."""
UPPER, SECOND_TO_LAST, LAST, DIGITS = 1, 2, 4, 8
"""Bits of a case: the first letter and the last two are uppercase; it is a number."""
FIRST_CASE = 1
"""The byte that stands for case 0."""

OTHER, MARK, LETTER, DIGIT = range(4)
CLASSES = np.zeros(256, np.int8)
CLASSES[33:127] = MARK
CLASSES[[*b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"]] = LETTER
CLASSES[[*b"0123456789"]] = DIGIT
LEAD, SECOND, THIRDS = (
    PUNCTUATION.encode()[0],
    PUNCTUATION.encode()[1],
    np.frombuffer(PUNCTUATION.encode()[2::3], np.uint8),
)
CORE = f"[{chr(FIRST_CASE)}-{chr(FIRST_CASE + 15)}]"
_MARK = r"(?:[^\w\s]|_)"
_DASH = r"[,;!?]?(?:-{1,3}|[–—])"  # noqa: RUF001
_PART = f"(?:{CORE}|[A-Za-z])"
SIMPLE = re.compile(
    rf"{_MARK}*(?:{_PART}(?:{_DASH}{_PART})*(?:['’]s)?{_MARK}*)?"  # noqa: RUF001
)
NUMBER = re.compile(rf"{_MARK}*{CORE}(?:['’]s)?{_MARK}*")  # noqa: RUF001
DUMMIES = "qjxvkwhd"
"""The second letters of stand-ins for cores: there may be so many."""

Bools = NDArray[np.bool_]


class ShapedChunks(NamedTuple):
    """Chunks with their shapes."""

    indices: Ints
    """Indices of these chunks in the input."""
    shapes: ByteStrings
    """One of each chunk."""
    core_counts: Ints
    """Cores of each chunk."""
    cores: ByteStrings
    """Those of all chunks, one after the other, without gaps."""
    is_number: Bools
    """Which cores are digits."""


def stand_ins(shape: str) -> list[str] | None:
    r"""Return what to put in place of the cores; None if the words depend on these.

    >>> stand_ins("(\x02--\x01).")
    ['Zqqq', 'zjqq']
    >>> stand_ins("\x09x")  # a number and a letter, as in 5x
    """
    cases = [ord(core) - FIRST_CASE for core in re.findall(CORE, shape)]
    has_number = any(case & DIGITS for case in cases)
    if not cases:
        return []
    is_simple = SIMPLE.fullmatch(shape) and len(cases) <= len(DUMMIES)
    if not is_simple or (has_number and not NUMBER.fullmatch(shape)):
        return None
    return [_stand_in(case, second) for case, second in zip(cases, DUMMIES, strict=False)]


def _stand_in(case: int, second: str) -> str:
    if case & DIGITS:
        return "7777"
    ends = "qQ"[case & SECOND_TO_LAST > 0] + "qQ"[case & LAST > 0]
    return "zZ"[case & UPPER > 0] + second + ends


def filled(shape: str, cores: Sequence[str]) -> str:
    r"""Put cores into a shape.

    >>> filled("(\x02--\x01).", ["Yes", "no"])
    '(Yes--no).'
    """
    rest = iter(cores)
    return re.sub(CORE, lambda _: next(rest), shape)


def shaped(chunks: ByteStrings) -> ShapedChunks:
    r"""Split the chunks that have a shape.

    >>> from lmkit.filters.byte_strings import byte_strings
    >>> found = shaped(byte_strings(['"Well,', "it", "co-op", "über", "Ann's"]))
    >>> found.indices.tolist(), found.cores.texts()
    ([0, 1, 2, 4], ['Well', 'it', 'co', 'op', 'Ann'])
    >>> found.shapes.texts()
    ['"\x02,', '\x01', '\x01-\x01', "\x02's"]
    """
    indices = np.flatnonzero((chunks.lengths <= MAX_SHAPE) & (chunks.lengths > 0))
    lengths = chunks.lengths[indices]
    data, chunk_of = (
        chunks.data[ranges(chunks.starts[indices], lengths)],
        np.repeat(indices, lengths),
    )
    classes = _classes(data)
    is_plain = np.ones(len(chunks.lengths), bool)
    is_plain[chunk_of[classes == OTHER]] = False
    use = is_plain[chunk_of]
    data, chunk_of, classes = data[use], chunk_of[use], classes[use]
    indices = indices[is_plain[indices]]
    starts, sizes = _cores(classes, chunk_of)
    cases = (
        UPPER * _is_upper(data[starts])
        + SECOND_TO_LAST * _is_upper(data[starts + sizes - 2])
        + LAST * _is_upper(data[starts + sizes - 1])
        + DIGITS * (classes[starts] == DIGIT)
    )
    cores = concatenated(data[ranges(starts, sizes)].tobytes(), sizes)
    data[starts] = FIRST_CASE + cases
    keep = np.ones(len(data), bool)
    keep[ranges(starts + 1, sizes - 1)] = False
    count = len(chunks.lengths)
    shape_lengths = np.bincount(chunk_of[keep], minlength=count)[indices]
    core_counts = np.bincount(chunk_of[starts], minlength=count)[indices]
    shapes = concatenated(data[keep].tobytes(), shape_lengths)
    return ShapedChunks(indices, shapes, core_counts, cores, cases & DIGITS > 0)


def contains_any(cores: ByteStrings, words: Sequence[str]) -> Bools:
    """Return for each core whether it contains any of some words, in any case."""
    data = cores.data.tobytes().lower()
    ends = cores.starts + cores.lengths
    contains = np.zeros(len(ends), bool)
    for word in map(str.encode, words):
        at = data.find(word)
        while at >= 0:
            core = int(np.searchsorted(ends, at, "right"))
            if core < len(ends) and at + len(word) <= ends[core] and at >= cores.starts[core]:
                contains[core] = True
            at = data.find(word, at + 1)
    return contains


def _classes(data: Bytes) -> NDArray[np.int8]:
    classes = CLASSES[data]
    lead = np.flatnonzero(data[:-2] == LEAD)
    lead = lead[(data[lead + 1] == SECOND) & np.isin(data[lead + 2], THIRDS)]
    for offset in range(3):
        classes[lead + offset] = MARK
    return classes


def _cores(classes: NDArray[np.int8], chunk_of: Ints) -> tuple[Ints, Ints]:
    """Return the offsets and sizes of the cores."""
    changes = np.ones(len(classes) + 1, bool)
    changes[1:-1] = (classes[1:] != classes[:-1]) | (chunk_of[1:] != chunk_of[:-1])
    runs = np.flatnonzero(changes)
    starts, sizes = runs[:-1], np.diff(runs)
    is_core = (classes[starts] >= LETTER) & (sizes >= 2)
    return starts[is_core], sizes[is_core]


def _is_upper(letters: Bytes) -> Bools:
    return (letters >= ord("A")) & (letters <= ord("Z"))
