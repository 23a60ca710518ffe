"""What the filters ask about words, worked out once per different white-space chunk.

A batch of half a million characters holds some 90,000 chunks, of which few are new; so documents
become arrays of chunk numbers, and what a filter asks is looked up and summed by numpy.

Choices:
- The memo is exact because the words of a chunk depend on nothing around it (see english.py).
- Most new chunks are marks, letters, marks: `"Well,`. How the marks are cut depends on the letters
  only through the case of the first and the last two, so that is worked out once per such shape.
- Columns are int64: numpy's reduceat on smaller numbers casts, and takes 30 times as long. Two
  sums share a column, the second 32 bits up.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lmkit.text.english import SPECIAL, english_words
from lmkit.text.marks import PUNCTUATION, SENTENCE_ENDS
from lmkit.text.shapes import DIGITS, LAST, LAST_BUT_ONE, LONGEST_SHAPE, UPPER, Key, holds, shaped

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
"""Rae et al. 2021, appendix A.1."""
STOP_BITS = {word: 1 << number for number, word in enumerate(STOP_WORDS)}
LOW = 0xFFFFFFFF
LONGEST_WORD = 1000
"""C4 drops lines with a longer word."""
LONGEST_CHUNK_KEPT = 256
"""Characters. A longer chunk is as good as never met again."""

BULLET, ELLIPSIS, SENTENCE, QUOTE, RARE, TRAIL, NO_WORD, LEAD = (1 << n for n in range(8))
"""Flags of a chunk: begins with a bullet; ends with an ellipsis, with a full stop or the like, with
an apostrophe; may change what C4 does with the line; its last word is an end mark; holds no word;
an end mark stands before its first word."""

SHAPE = re.compile(r"([^\w\s]*)([A-Za-z]+|[0-9]+)((?:['’]s)?[^\w\s]*)")  # noqa: RUF001
TOUCHY = frozenset(run for case in SPECIAL for run in re.findall("[A-Za-z]+|[0-9]+", case))
"""Letters that a special case may hold: for those, no shape will do."""
KEYWORDS = ("terms", "policy", "privacy", "cookie", "javascript", "lorem")

Words = Callable[[str], Sequence[str]]
Row = tuple[int, int, int, int, int]


class Vocabulary(dict[str, int]):
    """The number of each chunk; beside it, columns that say what is in the chunk.

    n_solid: its words, and those that aren't all marks; size_alpha: the characters of the latter,
    and the words with a letter; stop, flags: bits; ends: sentences that end before another word.
    """

    def __init__(self, words: Words = english_words) -> None:
        self._words = words
        self._todo: list[str] = []
        self._numbers: dict[str, int] = {}
        self._facts: list[tuple[int, int, int, int, int]] = []
        self._shapes: dict[tuple[str, bool, tuple[bool, bool], bool, str], Any] = {}
        self._rows = self._flat = 0
        names = ("n_solid", "size_alpha", "stop", "flags", "ends", "first")
        self.columns: dict[str, NDArray[np.int64]] = {
            name: np.zeros(1 << 14, np.int64) for name in names
        }
        self.flat = np.zeros(1 << 14, np.int64)
        self.lengths = np.zeros(1 << 14, np.int64)

    def __missing__(self, chunk: str) -> int:
        number = self[chunk] = len(self)
        self._todo.append(chunk)
        return number

    def words(self, chunk: str) -> Sequence[str]:
        """Return the words of a chunk, which may hold white space that Arrow doesn't know."""
        parts = chunk.split()
        if len(parts) == 1:
            return self._words(chunk)
        return [word for part in parts for word in self._words(part)]

    def kinds(self, chunk: str) -> list[int]:
        """Say of each word of a chunk: 1, an end mark; 2, another mark; 0, a word."""
        return [self._facts[self._number(word)][4] for word in self.words(chunk)]

    def learn(self) -> None:
        """Fill the columns for the chunks that were met since the last call."""
        chunks, self._todo = self._todo, []
        if not chunks:
            return
        known = len(self._facts)
        block = np.zeros((len(self.columns), len(chunks)), np.int64)
        pieces = [self._learn_shapes(chunks, block)]
        base, flat = self._flat + len(pieces[0]), list[int]()
        for place in np.flatnonzero(block[0] == 0).tolist():
            chunk, first = chunks[place], base + len(flat)
            row = self._row_by_shape(chunk, flat) or self._row(chunk, flat)
            block[:, place] = (*row, first)
        pieces.append(np.array(flat, np.int64))
        for column, values in zip(list(self.columns), block, strict=True):
            self.columns[column] = _put(self.columns[column], self._rows, values)
        self._rows += len(chunks)
        self.flat = _put(self.flat, self._flat, np.concatenate(pieces))
        self._flat = base + len(flat)
        fresh = np.array([fact[0] for fact in self._facts[known:]], np.int64)
        self.lengths = _put(self.lengths, known, fresh)

    def _learn_shapes(self, chunks: Sequence[str], block: NDArray[np.int64]) -> NDArray[np.int64]:
        """Fill the rows of chunks that have a shape; return the numbers of their words."""
        found = shaped(chunks)
        letters = cast(list[str], found.cores.to_pylist())
        rows = [self._row_of(key) for key in found.keys]
        touchy = np.fromiter(map(TOUCHY.__contains__, letters), bool, len(letters))
        use = np.flatnonzero(
            np.array([row is not None for row in rows], bool)[found.shape] & ~touchy
        )
        shape, places = found.shape[use], found.places[use]
        letters = [letters[place] for place in use.tolist()]
        numbers = np.fromiter(map(self._number, letters), np.int64, len(letters))
        size = np.fromiter(map(len, letters), np.int64, len(letters))
        facts = np.array([row[2:] if row else (0, 0, 0, 0) for row in rows], np.int64)
        n_solid, size_alpha, flags, ends = facts.reshape(-1, 4)[shape].T
        rare = holds(found.cores, KEYWORDS)[use] & (size > 4)
        stop = np.fromiter((STOP_BITS.get(word, 0) for word in letters), np.int64, len(letters))
        words = n_solid & LOW
        first = np.cumsum(words) - words
        values = (n_solid, size_alpha + size, stop, flags | rare * RARE, ends, self._flat + first)
        block[:, places] = np.stack(values)
        flat = np.zeros(int(words.sum()), np.int64)
        flat[first + np.array([len(row[0]) if row else 0 for row in rows], np.int64)[shape]] = (
            numbers
        )
        for number, row in enumerate(rows):
            if row and (row[0] or row[1]):
                mine = first[shape == number]
                for place, word in enumerate(row[0]):
                    flat[mine + place] = word
                for place, word in enumerate(row[1], start=len(row[0]) + 1):
                    flat[mine + place] = word
        return flat

    def _row_of(self, key: Key) -> Any:
        case = key.case
        last = bool(case & LAST_BUT_ONE), bool(case & LAST)
        return self._shape_of(key.before, bool(case & UPPER), last, bool(case & DIGITS), key.behind)

    def _shape_of(self, *key: Any) -> Any:
        if key not in self._shapes:
            self._shapes[key] = self._shape(*key)
        return self._shapes[key]

    def _number(self, word: str) -> int:
        number = self._numbers.get(word)
        if number is None:
            number = self._numbers[word] = len(self._facts)
            self._facts.append(_facts(word))
        return number

    def _row(self, chunk: str, flat: list[int]) -> Row:
        """Add the numbers of a chunk's words to `flat`; return the rest of its row."""
        count = solid = size = alpha = stop = ends = 0
        state, lead = -1, False  # -1: no word yet, 0: behind a word, 1: behind an end mark
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
        if len(chunk) > LONGEST_SHAPE or not (match := SHAPE.fullmatch(chunk)):
            return None
        before, core, behind = cast(tuple[str, str, str], match.groups())
        if len(core) < 2 or core in TOUCHY:
            return None
        last = core[-2].isupper(), core[-1].isupper()
        key = before, core[0].isupper(), last, core[0].isdigit(), behind
        if (shape := self._shape_of(*key)) is None:
            return None
        front, back, n_solid, size_alpha, flags, ends = shape
        flat += front
        flat.append(self._number(core))
        flat += back
        rare = RARE if len(core) > 4 and _has_keyword(core) else 0
        stop = STOP_BITS.get(core, 0)
        return n_solid, size_alpha + len(core), stop, flags | rare, ends

    def _shape(
        self, before: str, upper: bool, last: tuple[bool, bool], digits: bool, behind: str
    ) -> Any:
        """Return the row of all chunks of a shape, less the letters; None where it varies."""
        letters = ("qQ"[capital] for capital in last)
        dummy = "7777" if digits else "".join(("zZ"[upper], "q", *letters))
        flat: list[int] = []
        n_solid, size_alpha, _, flags, ends = self._row(before + dummy + behind, flat)
        number = self._numbers.get(dummy)
        if number is None or flat.count(number) != 1:
            return None
        at = flat.index(number)
        return flat[:at], flat[at + 1 :], n_solid, size_alpha - len(dummy), flags, ends


def _facts(word: str) -> tuple[int, int, int, int, int]:
    """Length; not all marks; has a letter; bit of a stop word; kind of mark."""
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
    if "[" in chunk or "{" in chunk or len(chunk) > LONGEST_WORD or _has_keyword(chunk):
        flags |= RARE
    if not chunk.isprintable():  # perhaps a blank that Arrow doesn't know
        flags |= RARE | LEAD
    return flags


def _put(column: NDArray[np.int64], at: int, values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Write values behind those that are there, in a larger array if need be."""
    stop = at + len(values)
    if stop > len(column):
        larger = np.zeros(max(stop, 2 * len(column)), np.int64)
        larger[:at] = column[:at]
        column = larger
    column[at:stop] = values
    return column
