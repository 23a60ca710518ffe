"""The quality signals of the word-based filters, for a batch of texts.

Choices:
- All rule sets judge the same input text; C4's lines are removed after that. So no verdict depends
  on the order of the sets, and all signals of a document can be stored.
- Texts are split by Arrow and judged by numpy; Python code only processes each distinct chunk once,
  and the lines with rare cases.
- A ratio with denominator zero is 0: texts of zero, one and two words have signals too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.filters.byte_strings import ByteStrings, padded
from lmkit.filters.c4_lines import LineRules, count_sentences, judge_line
from lmkit.filters.chunk_table import (
    BULLET,
    ELLIPSIS,
    LEAD,
    NO_WORD,
    QUOTE,
    RARE,
    SENTENCE,
    TRAIL,
    ChunkTable,
)
from lmkit.filters.line_signals import LineNumbers, line_numbers
from lmkit.filters.ngram_signals import DUPLICATED, TOP, repeated_characters
from lmkit.filters.rule_set import RuleSet
from lmkit.filters.rule_sets.c4 import C4Rules

Column = NDArray[Any]
LOW = 0xFFFFFFFF
MAX_CHUNKS = 1 << 20
"""Chunks; some 300 MB. Beyond that, a worker clears the table."""


@dataclass
class BatchSignals:
    """The signals of a batch, and the lines of each text that C4 would keep, if it cuts any."""

    columns: dict[str, Column]
    kept_lines: list[list[str]] = field(default_factory=list[list[str]])


@dataclass
class Batch:
    """Texts as arrays: concatenated ids of chunks, and the offsets of lines and texts."""

    lines: list[str]
    """Stripped lines of all texts."""
    line_counts: Column
    first_line: Column
    ids: Column
    nonblank: NDArray[np.bool_]
    """Which lines aren't blank."""
    line_words: Column
    line_end: Column
    """Offset after the last chunk of each line."""
    text_begin: Column
    text_end: Column


END_MARKS = {"quotes": ".?!\"'", "strict": '.?!"', "any": None, None: None}


def measurer_of(sets: Sequence[RuleSet]) -> "WordSignals":
    """Return what measures texts for rule sets that are measured together."""
    names = {name for each in sets for name in each.names if name in each.filters.rules}
    c4 = next((each.limits for each in sets if isinstance(each, C4Rules)), None)
    lines = None
    if c4:
        end_marks = END_MARKS[c4.end_marks]
        lines = LineRules(c4.min_line_words or 1, end_marks, "c4-code" in names)
    repetition = bool(names & {"gopher", "gopher-repetition"})
    return WordSignals(repetition=repetition, c4=lines, cut_lines=c4 is not None and c4.cut_lines)


class WordSignals:
    """Computes the signals of texts; the chunk table is kept for the next batch."""

    def __init__(
        self, *, repetition: bool = True, c4: LineRules | None = None, cut_lines: bool = True
    ) -> None:
        self._chunks = ChunkTable()
        self._repetition = repetition
        self._c4 = c4
        self._cut_lines = cut_lines

    def measure(self, texts: Sequence[str]) -> BatchSignals:
        """Compute the signals of texts that aren't blank; best for half a million characters."""
        if len(self._chunks) > MAX_CHUNKS:
            self._chunks = ChunkTable()
        batch = self._encoded(texts)
        arrays: Any = [np.array(values) for values in zip(*map(line_numbers, texts), strict=True)]
        numbers = LineNumbers(*arrays)
        characters = np.fromiter(map(len, texts), np.int64)
        words, quality = self._gopher_quality(texts, batch)
        columns = quality | fineweb(numbers, characters, words)
        if self._repetition:
            columns |= self._gopher_repetition(batch, numbers, characters, words)
        signals = BatchSignals(columns)
        if self._c4:
            self._add_c4(signals, batch, self._c4)
        return signals

    def _encoded(self, texts: Sequence[str]) -> Batch:
        counts: list[int] = []
        lines: list[str] = []
        for text in texts:
            found = text.splitlines()
            counts.append(len(found))
            lines += map(str.strip, found)
        chunks, line_end = _chunks(lines)
        line_words = np.diff(line_end, prepend=0)
        line_counts = np.array(counts)
        first_line = np.cumsum(line_counts) - line_counts
        text_end = line_end[first_line + line_counts - 1]
        return Batch(
            lines=lines,
            line_counts=line_counts,
            first_line=first_line,
            ids=self._chunks.numbers(chunks),
            nonblank=line_words > 0,
            line_words=line_words,
            line_end=line_end,
            text_begin=np.append(0, text_end[:-1]),
            text_end=text_end,
        )

    def _gopher_quality(
        self, texts: Sequence[str], batch: Batch
    ) -> tuple[Column, dict[str, Column]]:
        column, ids = self._chunks.columns, batch.ids
        both = np.add.reduceat(column["n_solid"][ids], batch.text_begin)
        words, solid = both & LOW, both >> 32
        both = np.add.reduceat(column["size_alpha"][ids], batch.text_begin)
        size, alphabetic = both & LOW, both >> 32
        stops = np.bitwise_or.reduceat(column["stop"][ids], batch.text_begin)
        hashes = np.fromiter((text.count("#") for text in texts), np.int64)
        dots = np.fromiter((text.count("...") + text.count("…") for text in texts), np.int64)
        last, first = (
            batch.line_end[batch.nonblank] - 1,
            (batch.line_end - batch.line_words)[batch.nonblank],
        )
        flags = column["flags"]
        bullets, ellipses = np.zeros((2, len(batch.lines)), np.int64)
        bullets[batch.nonblank] = flags[ids[first]] & BULLET > 0
        ellipses[batch.nonblank] = flags[ids[last]] & ELLIPSIS > 0
        return words, {
            "gopher.words": solid,
            "gopher.mean_word_length": _fraction(size, solid),
            "gopher.hash_ratio": _fraction(hashes, words),
            "gopher.ellipsis_ratio": _fraction(dots, words),
            "gopher.bullet_lines": np.add.reduceat(bullets, batch.first_line) / batch.line_counts,
            "gopher.ellipsis_lines": np.add.reduceat(ellipses, batch.first_line)
            / batch.line_counts,
            "gopher.alphabetic_words": _fraction(alphabetic, words),
            "gopher.stop_words": np.bitwise_count(stops).astype(np.int64),
        }

    def _gopher_repetition(
        self, batch: Batch, numbers: LineNumbers, characters: Column, words: Column
    ) -> dict[str, Column]:
        ids, chunks = batch.ids, self._chunks
        count = chunks.columns["n_solid"][ids] & LOW
        end = np.cumsum(count)
        first = np.repeat(chunks.columns["first"][ids] - (end - count), count)
        tokens = chunks.flat[first + np.arange(len(first))]
        start = end[batch.text_end - 1] - words
        document_of = np.repeat(np.arange(len(words)), words)
        lengths = chunks.lengths[tokens]
        repeated = repeated_characters(tokens, lengths, document_of, start, words)
        n: Any = numbers
        return {
            "gopher.duplicate_paragraphs": _fraction(n.duplicate_paragraphs, n.paragraphs),
            "gopher.duplicate_paragraph_characters": n.duplicate_paragraph_characters / characters,
            "gopher.duplicate_lines": _fraction(n.duplicate_lines, n.lines),
            "gopher.duplicate_line_characters": n.duplicate_line_characters / characters,
            **{f"gopher.top_{n}gram_fraction": repeated[n] / characters for n in TOP},
            **{f"gopher.duplicate_{n}gram_fraction": repeated[n] / characters for n in DUPLICATED},
        }

    def _add_c4(self, signals: BatchSignals, batch: Batch, rules: LineRules) -> None:
        """Judge common lines by their chunks' flags, others by the full rules."""
        column, ids, nonblank = self._chunks.columns, batch.ids, batch.nonblank
        flags = column["flags"][ids]
        last, first = batch.line_end[nonblank] - 1, (batch.line_end - batch.line_words)[nonblank]
        last_flag = np.zeros(len(nonblank), np.int64)
        last_flag[nonblank] = flags[last]
        keep = nonblank & (batch.line_words >= rules.min_words)
        if rules.end_marks is not None:
            ends = SENTENCE | (QUOTE if "'" in rules.end_marks else 0)
            keep &= last_flag & ends > 0
        sentences = np.zeros(len(nonblank), np.int64)
        sentences[nonblank] = np.add.reduceat(column["ends"][ids], first) + 1
        sentences[nonblank] -= flags[last] & TRAIL > 0
        recount = last_flag & NO_WORD > 0
        recount[np.searchsorted(batch.line_end, np.flatnonzero(flags & LEAD), "right")] = True
        rare = keep & recount
        rare[np.searchsorted(batch.line_end, np.flatnonzero(flags & RARE), "right")] = True
        lorem, curly = np.zeros((2, len(nonblank)), np.int64)
        changed: dict[int, str] = {}
        with_curly: set[int] = set()
        for at in np.flatnonzero(rare).tolist():
            line_verdict, text = judge_line(batch.lines[at], rules)
            keep[at] = line_verdict == "keep"
            text_number = int(np.searchsorted(batch.first_line, at, "right"))
            curly[at] = line_verdict == "curly_bracket"
            if line_verdict == "curly_bracket":
                with_curly.add(text_number)
            # If both occur, the first decides, as in a loop that stops there.
            lorem[at] = line_verdict == "lorem_ipsum" and text_number not in with_curly
            if line_verdict == "keep":
                changed[at] = text
                sentences[at] = count_sentences(text, self._chunks)
        signals.columns["c4.lorem_ipsum_lines"] = np.add.reduceat(lorem, batch.first_line)
        signals.columns["c4.curly_bracket_lines"] = np.add.reduceat(curly, batch.first_line)
        signals.columns["c4.sentences"] = np.add.reduceat(sentences * keep, batch.first_line)
        if not self._cut_lines:
            return
        kept = keep.tolist()
        for stop, count in zip(
            accumulate(batch.line_counts.tolist()), batch.line_counts.tolist(), strict=True
        ):
            lines = (at for at in range(stop - count, stop) if kept[at])
            signals.kept_lines.append([changed.get(at, batch.lines[at]) for at in lines])


def _chunks(lines: Sequence[str]) -> tuple[ByteStrings, Column]:
    """Split lines at ASCII white space; return the chunks, and the index after each line's last."""
    data = padded(("\n" + "\n".join(lines) + "\n").encode())
    is_space = (data == ord(" ")) | (data - np.uint8(ord("\t")) <= ord("\r") - ord("\t"))
    edges = np.flatnonzero(is_space[1:] != is_space[:-1]) + 1
    starts = edges[::2]
    line_ends = np.flatnonzero(data == ord("\n"))[1:]
    return ByteStrings(data, starts, edges[1::2] - starts), np.searchsorted(starts, line_ends)


def fineweb(numbers: LineNumbers, characters: Column, words: Column) -> dict[str, Column]:
    """Return the signals of FineWeb's custom filters (Penedo et al. 2024, section 3.6)."""
    n: Any = numbers
    return {
        "fineweb.ended_lines": _fraction(n.ended_lines, n.solid_lines),
        "fineweb.short_lines": _fraction(n.short_lines, n.solid_lines),
        "fineweb.repeated_line_characters": _fraction(
            n.duplicate_solid_characters, characters - n.line_feeds
        ),
        "fineweb.line_feeds_per_word": _fraction(n.line_feeds, words),
    }


def _fraction(part: Column, total: Column) -> Column:
    """Divide; 0 where the denominator is 0."""
    return np.divide(part, total, out=np.zeros(len(part)), where=total != 0)
