"""The chunk table: word statistics for the filters, computed once per distinct chunk.

A chunk is a run without white space. A batch of half a million characters has some 90,000 chunks,
few of which are new; so documents become arrays of chunk numbers, and the statistics that a filter
needs are looked up and summed by numpy.

Choices:
- The cache is exact because the words of a chunk depend on nothing around it (see
  english_tokenizer.py).
- Most new chunks are punctuation, letters, punctuation: `"Well,`; many others are a few such runs
  of letters, joined by dashes. How they are tokenized depends on the letters only through the case
  of the first and the last two of each run, so that is computed once per such shape.
- Columns are int64: numpy's reduceat on smaller integers casts, and takes 30 times as long. Two
  sums are packed into one column, the second 32 bits up.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from lmkit.filters.chunk_shapes import (
    DIGITS,
    LAST,
    MAX_SHAPE,
    SECOND_TO_LAST,
    UPPER,
    Key,
    contains_any,
    shaped,
)
from lmkit.filters.english_tokenizer import SPECIAL, english_words
from lmkit.filters.punctuation import PUNCTUATION, SENTENCE_ENDS

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
"""Rae et al. 2021, appendix A.1."""
STOP_BITS = {word: 1 << number for number, word in enumerate(STOP_WORDS)}
LOW = 0xFFFFFFFF
MAX_WORD = 1000
"""C4 drops lines with a longer word."""

BULLET, ELLIPSIS, SENTENCE, QUOTE, RARE, TRAIL, NO_WORD, LEAD = (1 << n for n in range(8))
"""Flags of a chunk: begins with a bullet; ends with an ellipsis, with a full stop or the like, with
an apostrophe; may change C4's verdict of the line; its last word is an end mark; has no word;
has an end mark before its first word."""

_PUNCTUATION = r"(?:[^\w\s]|_)*"
_TAIL = rf"(?:['’]s)?{_PUNCTUATION}"  # noqa: RUF001
SHAPE = re.compile(rf"({_PUNCTUATION})([A-Za-z]+|[0-9]+)({_TAIL})")
JOINT = re.compile(r"([,;!?]?(?:-{1,3}|[–—]))")  # noqa: RUF001
JOINED = re.compile(
    rf"({_PUNCTUATION})([A-Za-z]{{2,}}(?:{JOINT.pattern}[A-Za-z]{{2,}}){{1,3}})({_TAIL})"
)
SPECIAL_PARTS = frozenset(run for case in SPECIAL for run in re.findall("[A-Za-z]+|[0-9]+", case))
"""Letters that occur in special cases of the tokenizer: those have no shape."""
KEYWORDS = ("terms", "policy", "privacy", "cookie", "javascript", "lorem")

Words = Callable[[str], Sequence[str]]
Row = tuple[int, int, int, int, int]


class Case(NamedTuple):
    """What the tokenization around some letters, or digits, depends on."""

    first: bool
    """Whether the first letter is upper case; the same for the others."""
    second_to_last: bool
    last: bool
    digits: bool


Shape = tuple[tuple[Case, ...], tuple[str, ...]]
"""The cases of a chunk's letters, and the punctuation before, between and after them."""
ShapeRow = tuple[tuple[list[int], ...], int, int, int, int]
"""Numbers of the words around the letters, and the row without the letters."""


class ChunkTable(dict[str, int]):
    """The number of each chunk, and columns with statistics of the chunk.

    n_solid: its words, and those that aren't only punctuation; size_alpha: the characters of the
    latter, and the words with a letter; stop, flags: bits; ends: sentences that end before another
    word.
    """

    def __init__(self, words: Words = english_words) -> None:
        self._words = words
        self._pending: list[str] = []
        self._numbers: dict[str, int] = {}
        self._facts: list[tuple[int, int, int, int, int]] = []
        self._shapes: dict[Shape, ShapeRow | None] = {}
        self._rows = self._flat = 0
        names = ("n_solid", "size_alpha", "stop", "flags", "ends", "first")
        self.columns: dict[str, NDArray[np.int64]] = {
            name: np.zeros(1 << 14, np.int64) for name in names
        }
        self.flat = np.zeros(1 << 14, np.int64)
        self.lengths = np.zeros(1 << 14, np.int64)

    def __missing__(self, chunk: str) -> int:
        number = self[chunk] = len(self)
        self._pending.append(chunk)
        return number

    def words(self, chunk: str) -> Sequence[str]:
        """Return the words of a chunk, which may contain white space that Arrow doesn't know."""
        parts = chunk.split()
        if len(parts) == 1:
            return self._words(chunk)
        return [word for part in parts for word in self._words(part)]

    def kinds(self, chunk: str) -> list[int]:
        """Return the kind of each word of a chunk: 1, end mark; 2, other punctuation; 0, word."""
        return [self._facts[self._number(word)][4] for word in self.words(chunk)]

    def fill_columns(self) -> None:
        """Fill the columns for the chunks that are new since the last call."""
        chunks, self._pending = self._pending, []
        if not chunks:
            return
        known = len(self._facts)
        block = np.zeros((len(self.columns), len(chunks)), np.int64)
        pieces = [self._add_shapes(chunks, block)]
        base, flat = self._flat + len(pieces[0]), list[int]()
        for index in np.flatnonzero(block[0] == 0).tolist():
            chunk, first = chunks[index], base + len(flat)
            row = self._row_by_shape(chunk, flat) or self._row(chunk, flat)
            block[:, index] = (*row, first)
        pieces.append(np.array(flat, np.int64))
        for column, values in zip(list(self.columns), block, strict=True):
            self.columns[column] = _put(self.columns[column], self._rows, values)
        self._rows += len(chunks)
        self.flat = _put(self.flat, self._flat, np.concatenate(pieces))
        self._flat = base + len(flat)
        lengths = np.array([fact[0] for fact in self._facts[known:]], np.int64)
        self.lengths = _put(self.lengths, known, lengths)

    def _add_shapes(self, chunks: Sequence[str], block: NDArray[np.int64]) -> NDArray[np.int64]:
        """Fill the rows of chunks that have a shape; return the numbers of their words."""
        found = shaped(chunks)
        letters = cast(list[str], found.cores.to_pylist())
        rows = [self._row_of(key) for key in found.keys]
        is_special = np.fromiter(map(SPECIAL_PARTS.__contains__, letters), bool, len(letters))
        use = np.flatnonzero(
            np.array([row is not None for row in rows], bool)[found.shape] & ~is_special
        )
        shape, indices = found.shape[use], found.indices[use]
        letters = [letters[index] for index in use.tolist()]
        numbers = np.fromiter(map(self._number, letters), np.int64, len(letters))
        size = np.fromiter(map(len, letters), np.int64, len(letters))
        facts = np.array([row[1:] if row else (0, 0, 0, 0) for row in rows], np.int64)
        n_solid, size_alpha, flags, ends = facts.reshape(-1, 4)[shape].T
        rare = contains_any(found.cores, KEYWORDS)[use] & (size > 4)
        stop = np.fromiter((STOP_BITS.get(word, 0) for word in letters), np.int64, len(letters))
        words = n_solid & LOW
        first = np.cumsum(words) - words
        values = (n_solid, size_alpha + size, stop, flags | rare * RARE, ends, self._flat + first)
        block[:, indices] = np.stack(values)
        flat = np.zeros(int(words.sum()), np.int64)
        around = [row[0] if row else ([], []) for row in rows]
        flat[first + np.array([len(front) for front, _ in around], np.int64)[shape]] = numbers
        for number, (front, back) in enumerate(around):
            if front or back:
                starts = first[shape == number]
                for index, word in enumerate(front):
                    flat[starts + index] = word
                for index, word in enumerate(back, start=len(front) + 1):
                    flat[starts + index] = word
        return flat

    def _row_of(self, key: Key) -> ShapeRow | None:
        case = key.case
        flags = (case & UPPER, case & SECOND_TO_LAST, case & LAST, case & DIGITS)
        return self._shape_of((Case(*map(bool, flags)),), (key.before, key.after))

    def _shape_of(self, cases: tuple[Case, ...], separators: tuple[str, ...]) -> ShapeRow | None:
        shape = cases, separators
        if shape not in self._shapes:
            self._shapes[shape] = self._shape(cases, separators)
        return self._shapes[shape]

    def _number(self, word: str) -> int:
        number = self._numbers.get(word)
        if number is None:
            number = self._numbers[word] = len(self._facts)
            self._facts.append(_facts(word))
        return number

    def _row(self, chunk: str, flat: list[int]) -> Row:
        """Add the numbers of a chunk's words to `flat`; return the rest of its row."""
        count = solid = size = alpha = stop = ends = 0
        state, lead = -1, False  # -1: no word yet, 0: after a word, 1: after an end mark
        for word in self.words(chunk):
            number = self._number(word)
            flat.append(number)
            count += 1
            length, is_solid, has_letter, bit, kind = self._facts[number]
            solid += is_solid
            size += length * is_solid
            alpha += has_letter
            stop |= bit
            if kind == 1:
                lead |= state < 0
                state = 1 if state >= 0 else state
            elif kind == 0:
                ends += state == 1
                state = 0
        flags = _flags(chunk) | (LEAD if lead else NO_WORD if state < 0 else 0)
        flags |= TRAIL if state == 1 else 0
        return count | solid << 32, size | alpha << 32, stop, flags, ends + (state == 1)

    def _row_by_shape(self, chunk: str, flat: list[int]) -> Row | None:
        if len(chunk) > MAX_SHAPE:
            return None
        if match := SHAPE.fullmatch(chunk):
            before, core, after = match.groups()
            cores, separators = [core], (before, after)
        elif match := JOINED.fullmatch(chunk):
            before, body, _, after = match.groups()
            cores, joints = (pieces := JOINT.split(body))[::2], pieces[1::2]
            separators = (before, *joints, after)
        else:
            return None
        if any(len(core) < 2 or core in SPECIAL_PARTS for core in cores):
            return None
        row = self._shape_of(tuple(map(_case, cores)), separators)
        if row is None:
            return None
        around, n_solid, size_alpha, flags, ends = row
        stop = 0
        for between, core in zip(around, cores, strict=False):
            flat += between
            flat.append(self._number(core))
            size_alpha += len(core)
            stop |= STOP_BITS.get(core, 0)
            if len(core) > 4 and _has_keyword(core):
                flags |= RARE
        flat += around[-1]
        return n_solid, size_alpha, stop, flags, ends

    def _shape(self, cases: tuple[Case, ...], separators: tuple[str, ...]) -> ShapeRow | None:
        """Return the row of all chunks of a shape, without the letters; None if it varies."""
        dummies = [_dummy(case, number) for number, case in enumerate(cases)]
        flat: list[int] = []
        chunk = "".join(chain.from_iterable(zip(separators, (*dummies, ""), strict=True)))
        n_solid, size_alpha, _, flags, ends = self._row(chunk, flat)
        numbers = [self._numbers.get(dummy) for dummy in dummies]
        indices = [index for index, number in enumerate(flat) if number in numbers]
        if [flat[index] for index in indices] != numbers:
            return None
        starts, stops = (0, *(index + 1 for index in indices)), (*indices, len(flat))
        around = tuple(flat[start:stop] for start, stop in zip(starts, stops, strict=True))
        return around, n_solid, size_alpha - sum(map(len, dummies)), flags, ends


def _case(core: str) -> Case:
    return Case(core[0].isupper(), core[-2].isupper(), core[-1].isupper(), core[0].isdigit())


def _dummy(case: Case, number: int) -> str:
    """Return letters, or digits, of a case; different ones for each number."""
    if case.digits:
        return "7777"
    return "zZ"[case.first] + "qjxv"[number] + "qQ"[case.second_to_last] + "qQ"[case.last]


def _facts(word: str) -> tuple[int, int, int, int, int]:
    """Length; not only punctuation; has a letter; bit of a stop word; kind of punctuation."""
    if word.isascii() and word.isalpha():
        return len(word), 1, 1, STOP_BITS.get(word, 0), 0
    if word in SENTENCE_ENDS:
        kind = 1
    else:
        kind = 2 if all(unicodedata.category(c)[0] == "P" for c in word) else 0
    solid = any(c not in PUNCTUATION for c in word)
    return len(word), int(solid), int(any(map(str.isalpha, word))), STOP_BITS.get(word, 0), kind


def _has_keyword(text: str) -> bool:
    return any(map(text.lower().__contains__, KEYWORDS))  # a generator takes twice as long


def _flags(chunk: str) -> int:
    flags = BULLET if chunk[0] in "•-" else 0
    if chunk.endswith(("...", "…")):
        flags |= ELLIPSIS
    elif chunk[-1] in '.?!"':
        flags |= SENTENCE
    elif chunk[-1] == "'":
        flags |= QUOTE
    if "[" in chunk or "{" in chunk or len(chunk) > MAX_WORD or _has_keyword(chunk):
        flags |= RARE
    if not chunk.isprintable():  # perhaps white space that Arrow doesn't know
        flags |= RARE | LEAD
    return flags


def _put(column: NDArray[np.int64], at: int, values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Write values into a column at an offset, in a larger array if necessary."""
    stop = at + len(values)
    if stop > len(column):
        larger = np.zeros(max(stop, 2 * len(column)), np.int64)
        larger[:at] = column[:at]
        column = larger
    column[at:stop] = values
    return column
