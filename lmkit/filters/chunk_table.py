"""The chunk table: word statistics for the filters, computed once per distinct chunk.

A chunk is a run without white space. A batch of half a million characters has some 90,000 chunks,
few of which are new; so documents become arrays of chunk numbers, and the statistics that a filter
needs are looked up and summed by numpy.

Choices:
- The cache is exact because the words of a chunk depend on nothing around it (see
  english_tokenizer.py).
- Chunks and words have numbers from the same table: most words are also chunks.
- Most new chunks are letters and punctuation, such as `"Well,` or `(so--it`. How they are tokenized
  depends on the letters only through the case of the first and the last two of each run, so that is
  computed once per such shape (chunk_shapes.py). Python code processes the others by themselves:
  one new chunk in fourteen of the first 8 MB of books, one in nine of 50 MB.
- No table of common chunks comes with the package. A table of the 37,000 commonest of those others
  in 190 books has a quarter of those in 8 MB of the other books, one in seven of those in 50 MB.
- Columns are int64: numpy's reduceat on smaller integers casts, and takes 30 times as long. Two
  sums are packed into one column, the second 32 bits up.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import chain
from string import ascii_letters, digits
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from lmkit.filters.byte_strings import ByteStrings, Ints, byte_strings, ranges
from lmkit.filters.chunk_shapes import Bools, ShapedChunks, contains_any, filled, shaped, stand_ins
from lmkit.filters.english_tokenizer import SPECIAL, english_words
from lmkit.filters.punctuation import PUNCTUATION, SENTENCE_ENDS
from lmkit.filters.string_numbers import StringNumbers

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
WORD, END_MARK, OTHER_MARK = range(3)
"""Kinds of words."""

_RUN = "[A-Za-z]{2,}|[0-9]{2,}"
SPECIAL_WORDS = sorted(case for case in SPECIAL if re.fullmatch(_RUN, case))
"""Special cases of the tokenizer that are letters only, such as "cannot": they have no shape."""
SPECIAL_PARTS = sorted({run for case in SPECIAL for run in re.findall(_RUN, case)})
"""Letters that occur in special cases: they have no shape beside one of these marks."""
SPECIAL_MARKS = frozenset("".join(case for case in SPECIAL if re.search(_RUN, case))) - frozenset(
    ascii_letters + digits
)
KEYWORDS = ("terms", "policy", "privacy", "cookie", "javascript", "lorem")

Value = TypeVar("Value", bound=np.generic)
Words = Callable[[str], Sequence[str]]


class Rows(NamedTuple):
    """The statistics of some chunks."""

    columns: tuple[Ints, ...]
    """Those of `ChunkTable` without `first`."""
    counts: Ints
    """Words of each chunk."""
    words: Ints
    """Their numbers, concatenated."""


class ChunkTable:
    """The number of each chunk, and columns with statistics of the chunk.

    n_solid: its words, and those that aren't only punctuation; size_alpha: the characters of the
    latter, and the words with a letter; stop, flags: bits; ends: sentences that end before another
    word; first: the offset of its words in `flat`.
    """

    def __init__(self, words: Words = english_words) -> None:
        self._words = words
        self._strings = StringNumbers()
        names = ("n_solid", "size_alpha", "stop", "flags", "ends", "first")
        self.columns = {name: np.zeros(1 << 14, np.int64) for name in names}
        facts = ("n_solid", "size_alpha", "stop", "kind", "length", "special")
        self._facts = {name: np.zeros(1 << 14, np.int64) for name in facts}
        """The same of single words; whether they occur in special cases of the tokenizer."""
        self._last_index = np.zeros(1 << 14, np.int64)
        self._flat = np.zeros(1 << 14, np.int64)
        self._flat_size = 0
        self._shapes = StringNumbers()
        self._shape_rows = self._new_shapes(())
        self._facts["special"][self._numbers(byte_strings(SPECIAL_PARTS))] = 1
        self._facts["special"][self._numbers(byte_strings(SPECIAL_WORDS))] = 2
        self._facts["stop"][self._numbers(byte_strings(STOP_WORDS))] = list(STOP_BITS.values())

    def __len__(self) -> int:
        """Count the chunks and words in the table."""
        return len(self._strings)

    @property
    def flat(self) -> Ints:
        """The numbers of the words of all chunks."""
        return self._flat

    @property
    def lengths(self) -> Ints:
        """The number of characters of each word, by its number."""
        return self._facts["length"]

    def words(self, chunk: str) -> Sequence[str]:
        """Return the words of a chunk, which may contain white space other than ASCII's."""
        parts = chunk.split()
        if len(parts) == 1:
            return self._words(parts[0])
        return [word for part in parts for word in self._words(part)]

    def kinds(self, chunk: str) -> list[int]:
        """Return the kind of each word of a chunk."""
        return [_kind(word) for word in self.words(chunk)]

    def numbers(self, chunks: ByteStrings) -> Ints:
        """Return the number of each chunk; fill the columns for new ones."""
        numbers = self._numbers(chunks)
        empty = np.flatnonzero(self.columns["n_solid"][numbers] == 0)
        if len(empty):
            self._last_index[numbers[empty]] = empty
            once = empty[self._last_index[numbers[empty]] == empty]
            self._add(chunks.take(once), numbers[once])
        return numbers

    def _numbers(self, strings: ByteStrings) -> Ints:
        """Return numbers of chunks or words, for which the columns are long enough."""
        numbers = self._strings.of(strings)
        if len(self._strings) > len(self._last_index):
            size = 2 * len(self._strings)
            self._last_index = np.zeros(size, np.int64)
            for columns in (self.columns, self._facts):
                for name, values in columns.items():
                    columns[name] = _put(np.zeros(size, np.int64), 0, values)
        return numbers

    def _add(self, chunks: ByteStrings, numbers: Ints) -> None:
        """Fill the columns for some chunks, all different."""
        found = shaped(chunks)
        rows, use = self._rows_by_shape(found)
        by_shape = found.indices[use]
        self._put_rows(numbers[by_shape], rows)
        others = np.ones(len(numbers), bool)
        others[by_shape] = False
        self._put_rows(numbers[others], self._rows(chunks.take(np.flatnonzero(others)).texts()))

    def _put_rows(self, numbers: Ints, rows: Rows) -> None:
        first = self._flat_size + _starts(rows.counts)
        for column, values in zip(self.columns.values(), (*rows.columns, first), strict=True):
            column[numbers] = values
        self._flat = _put(self._flat, self._flat_size, rows.words)
        self._flat_size += len(rows.words)

    def _rows_by_shape(self, found: ShapedChunks) -> tuple[Rows, Ints]:
        """Return the rows of chunks that depend on the shape only, and which of them do."""
        shape, cores = self._shape_numbers(found.shapes), self._core_numbers(found)
        known, counts = self._shape_rows, found.core_counts
        chunk_of_core = np.repeat(np.arange(len(shape)), counts)
        fits = known.is_valid[shape]
        special = self._facts["special"][cores]
        fits[chunk_of_core[special + known.has_special_mark[shape][chunk_of_core] > 1]] = False
        use, of_used = np.flatnonzero(fits), fits[chunk_of_core]
        n_solid, size_alpha, stop, flags, ends = (values[shape] for values in known.rows.columns)
        core_ends = np.cumsum(counts)
        size_alpha += _sums(found.cores.lengths, core_ends)
        np.bitwise_or.at(stop, chunk_of_core, self._facts["stop"][cores])
        flags[chunk_of_core[contains_any(found.cores, KEYWORDS)]] |= RARE
        columns = tuple(values[use] for values in (n_solid, size_alpha, stop, flags, ends))
        words, core_at = known.words(shape[use])
        words[core_at] = cores[of_used]
        return Rows(columns, known.rows.counts[shape[use]], words), use

    def _core_numbers(self, found: ShapedChunks) -> Ints:
        """Return the numbers of cores as words, the facts of which are known."""
        cores, sizes, facts = self._numbers(found.cores), found.cores.lengths, self._facts
        facts["length"][cores] = sizes
        facts["n_solid"][cores] = 1 | 1 << 32
        facts["size_alpha"][cores] = sizes | np.where(found.is_number, 0, 1 << 32)
        return cores

    def _shape_numbers(self, shapes: ByteStrings) -> Ints:
        """Return the numbers of shapes, the rows of which are known."""
        known = len(self._shapes)
        numbers = self._shapes.of(shapes)
        if len(self._shapes) > known:
            new = np.zeros(len(self._shapes) - known, np.int64)
            is_new = np.flatnonzero(numbers >= known)
            new[numbers[is_new] - known] = is_new
            self._shape_rows = self._shape_rows.with_more(
                self._new_shapes(shapes.take(new).texts())
            )
        return numbers

    def _new_shapes(self, shapes: Sequence[str]) -> "_ShapeRows":
        """Return the rows of shapes: those of chunks with stand-ins for the cores."""
        chunks: list[str] = []
        core_at: list[list[int]] = []
        is_valid: list[bool] = []
        sizes: list[int] = []
        for shape in shapes:
            cores = stand_ins(shape)
            chunk = "-" if cores is None else filled(shape, cores)
            words = self.words(chunk)
            core_at.append([at for at, word in enumerate(words) if word in (cores or ())])
            is_valid.append([words[at] for at in core_at[-1]] == cores)
            chunks.append(chunk)
            sizes.append(sum(map(len, cores or ())))
        rows = self._rows(chunks)
        n_solid, size_alpha, *others = rows.columns
        columns = (n_solid, size_alpha - np.array(sizes, np.int64), *others)
        return _ShapeRows(
            rows._replace(columns=columns),
            np.array([*chain.from_iterable(core_at)], np.int64),
            np.array([*map(len, core_at)], np.int64),
            np.array(is_valid, bool),
            ~np.array([*map(SPECIAL_MARKS.isdisjoint, shapes)], bool),
        )

    def _rows(self, chunks: Sequence[str]) -> Rows:
        """Return the rows of chunks, each of which is tokenized by itself."""
        words = [self.words(chunk) for chunk in chunks]
        counts = np.fromiter(map(len, words), np.int64, len(words))
        numbers = self._word_numbers([*chain.from_iterable(words)])
        chunk_of = np.repeat(np.arange(len(chunks)), counts)
        facts = self._facts
        end = np.cumsum(counts)
        sums = [_sums(facts[name][numbers], end) for name in ("n_solid", "size_alpha")]
        stop = np.zeros(len(chunks), np.int64)
        np.bitwise_or.at(stop, chunk_of, facts["stop"][numbers])
        ends, flags = _sentences(facts["kind"][numbers], chunk_of, len(chunks))
        flags |= np.fromiter(map(_flags, chunks), np.int64, len(chunks))
        return Rows((sums[0], sums[1], stop, flags, ends), counts, numbers)

    def _word_numbers(self, words: Sequence[str]) -> Ints:
        """Return the numbers of words, the facts of which are known."""
        numbers, facts = self._numbers(byte_strings(words)), self._facts
        new = np.flatnonzero(facts["length"][numbers] == 0)
        found = [_facts(words[index]) for index in new.tolist()]
        for name, values in zip(
            ("n_solid", "size_alpha", "kind", "length"), zip(*found, strict=True), strict=False
        ):
            facts[name][numbers[new]] = values
        return numbers


class _ShapeRows(NamedTuple):
    """The rows of shapes, without their cores."""

    rows: Rows
    core_at: Ints
    """Which of the words of each shape are cores; concatenated."""
    core_counts: Ints
    is_valid: Bools
    """Whether the words depend on nothing but the shape."""
    has_special_mark: Bools

    def with_more(self, more: "_ShapeRows") -> "_ShapeRows":
        """Add shapes."""
        columns = zip(self.rows.columns, more.rows.columns, strict=True)
        rows = Rows(
            tuple(_joined(*pair) for pair in columns),
            _joined(self.rows.counts, more.rows.counts),
            _joined(self.rows.words, more.rows.words),
        )
        return _ShapeRows(
            rows,
            _joined(self.core_at, more.core_at),
            _joined(self.core_counts, more.core_counts),
            _joined(self.is_valid, more.is_valid),
            _joined(self.has_special_mark, more.has_special_mark),
        )

    def words(self, shape: Ints) -> tuple[Ints, Ints]:
        """Return the words of some shapes, and the indices of the cores in these."""
        counts, core_counts = self.rows.counts[shape], self.core_counts[shape]
        words = self.rows.words[ranges(_starts(self.rows.counts)[shape], counts)]
        first_word = np.repeat(_starts(counts), core_counts)
        core_at = self.core_at[ranges(_starts(self.core_counts)[shape], core_counts)]
        return words, first_word + core_at


def _joined(one: NDArray[Value], other: NDArray[Value]) -> NDArray[Value]:
    return np.concatenate([one, other])


def _starts(counts: Ints) -> Ints:
    """Return the offsets of groups that follow each other."""
    return np.cumsum(counts) - counts


def _sums(values: Ints, end: Ints) -> Ints:
    """Add up groups of values, some of which may be empty; `end` is where each ends."""
    total = np.append(0, np.cumsum(values))
    return total[end] - total[np.append(0, end[:-1])]


def _sentences(kinds: Ints, chunk_of: Ints, count: int) -> tuple[Ints, Ints]:
    """Return how many sentences end in each chunk, and its flags that depend on its words."""
    use = np.flatnonzero(kinds != OTHER_MARK)
    is_mark, chunk = kinds[use] == END_MARK, chunk_of[use]
    continues = np.append(False, chunk[1:] == chunk[:-1])[: len(chunk)]
    follows_mark = continues & np.append(False, is_mark[:-1])[: len(chunk)]
    has_word, begins_with_mark, ends_with_mark = np.zeros((3, count), bool)
    has_word[chunk[~is_mark]] = True
    begins_with_mark[chunk[is_mark & ~continues]] = True
    ends_with_mark[chunk[is_mark & np.append(~continues[1:], True)[: len(chunk)]]] = True
    trail = has_word & ends_with_mark
    ends = np.bincount(chunk[follows_mark & ~is_mark], minlength=count)
    ends += trail
    ends -= has_word & begins_with_mark
    flags = np.where(begins_with_mark, LEAD, np.where(has_word, 0, NO_WORD)) | trail * TRAIL
    return ends, flags


def _facts(word: str) -> tuple[int, int, int, int]:
    """Return the statistics of a word, its kind and its length."""
    size = len(word)
    if word.isascii() and word.isalnum():
        return 1 | 1 << 32, size | (not word.isdecimal()) << 32, WORD, size
    solid = any(c not in PUNCTUATION for c in word)
    size_alpha = size * solid | any(map(str.isalpha, word)) << 32
    return 1 | solid << 32, size_alpha, _kind(word), size


def _kind(word: str) -> int:
    """Return the kind of a word: an end mark, other punctuation, or neither."""
    if word.isascii() and word.isalnum():
        return WORD
    if word in SENTENCE_ENDS:
        return END_MARK
    return OTHER_MARK if all(unicodedata.category(c)[0] == "P" for c in word) else WORD


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
    if not chunk.isprintable():  # perhaps white space other than ASCII's
        flags |= RARE | LEAD
    return flags


def _put(column: Ints, at: int, values: Ints) -> Ints:
    """Write values into a column at an offset, in a larger array if necessary."""
    stop = at + len(values)
    if stop > len(column):
        larger = np.zeros(max(stop, 2 * len(column)), np.int64)
        larger[:at] = column[:at]
        column = larger
    column[at:stop] = values
    return column
