"""The matcher that finds repeats inside documents: lines, paragraphs, and passages of words.

Choices:
- All three are off by default; an option sets the minimum number of words of each. Good values for
  web pages are lines of 6, paragraphs of 10 and passages of 50 words: CCNet (Wenzek et al. 2020)
  and Dolma cut every repeated paragraph, C4 (Raffel et al. 2020) three sentences, Lee et al.
  (2022) and RefinedWeb 50 tokens. A span of fewer words is never cut: headings, "Yes.", a brace.
- A line, paragraph or passage is cut from its second occurrence on, in a later document or in the
  same one; the first occurrence is kept. Later means ranked later by `--keep`, by default by source
  and id: never what happens to be read later.
- Spans are equal if they differ only in letter case, white space and Unicode form, as documents.
- A passage is cut as far as it repeats: at word boundaries, however long it is. A line is cut with
  its line feed, so no partial line is left over.
- Only documents that are kept are compared, and of them only those of this run: a crawl index
  holds no lines.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter
from lmkit.deduplication.cut_spans import Cut
from lmkit.deduplication.document_table import DocumentTable, Numbers
from lmkit.deduplication.matcher import Collector, Matcher, tables_of
from lmkit.deduplication.occurrence_table import (
    OccurrencesFile,
    partition_count,
    read_found,
    write_found,
)
from lmkit.deduplication.options import KeepConfig, MatchOptions, RepeatsConfig
from lmkit.deduplication.ranking import rank_documents, ranks
from lmkit.deduplication.removal_table import removed_in
from lmkit.text.text_units import Units, WordKeys, word_spans


class RepeatedSpans(Matcher):
    """Of repeats inside documents, keep the first occurrence."""

    reason = "inside"
    option = "repeats"
    works_with_index = False

    def __init__(self, repeats: RepeatsConfig, keep: KeepConfig) -> None:
        self.repeats = repeats
        self.keep = keep

    @classmethod
    def of(cls, options: MatchOptions) -> Self | None:
        """Return the matcher, or None if no spans are to be cut."""
        return cls(options.repeats, options.keep) if options.repeats.chosen else None

    def collect(self, writer: TaskWriter) -> Collector:
        """Return what writes a key for each line, paragraph and passage."""
        return _OccurrenceCollector(self.repeats, writer)

    def match(
        self,
        folder: OutputFolder,
        documents: DocumentTable,
        workers: int,
        previous: Sequence[Matcher],
    ) -> None:
        """Find the occurrences that repeat the first, partition by partition."""
        rank_documents(folder, self.keep, documents, workers)
        for kind, words in self.repeats.chosen.items():
            partitions = partition_count(
                folder.scratch, kind, len(documents.parts) - documents.older
            )
            width = words if kind == "passages" else 1
            find = _FindOccurrences(kind, documents, tuple(previous), partitions, width)
            folder.run(
                f"{kind}-found", find, range(partitions), workers=workers, label=f"matching {kind}"
            )

    def spans_to_cut(self, writer: TaskWriter, documents: DocumentTable) -> "_CutRepeats":
        """Return what finds the spans to cut out of a document."""
        return _CutRepeats(self.repeats, writer, documents)


class _OccurrenceCollector(Collector):
    """Writes the occurrences of lines, paragraphs and passages in each document."""

    def __init__(self, repeats: RepeatsConfig, writer: TaskWriter) -> None:
        super().__init__()
        self._known = WordKeys()
        self._files = [
            (kind, words, self.stack.enter_context(OccurrencesFile(writer, kind)))
            for kind, words in repeats.chosen.items()
        ]

    def add(self, document: Document) -> None:
        """Write the occurrences in a document."""
        units = Units.of(document.text, self._known)
        for kind, words, file in self._files:
            file.add(*_occurrences(units, kind, words))


class _CutRepeats:
    """Finds the spans to cut out of the documents of a task."""

    def __init__(
        self, repeats: RepeatsConfig, writer: TaskWriter, documents: DocumentTable
    ) -> None:
        self._words_of = repeats.chosen
        self._found: dict[str, tuple[Numbers, NDArray[Any]]] = {}
        tasks = len(documents.parts) - documents.older
        for kind in self._words_of:
            partitions = partition_count(writer.partial, kind, tasks)
            borders = documents.of_task(writer.number)
            rows = read_found(writer.partial, kind, partitions, *borders)
            self._found[kind] = rows["document"].copy(), rows

    def __call__(self, number: int, document: Document) -> Iterator[Cut]:
        """Yield the spans of a document that repeat a first occurrence."""
        for kind, words in self._words_of.items():
            numbers, rows = self._found[kind]
            low, high = numbers.searchsorted([number, number + 1])
            if low < high:
                yield from SPANS[kind](document.text, rows[low:high].tolist(), words)


@dataclass(frozen=True)
class _FindOccurrences:
    """The task that finds the occurrences of one partition that repeat the first."""

    kind: str
    documents: DocumentTable
    previous: tuple[Matcher, ...]
    partitions: int
    width: int

    def __call__(self, partition: int, writer: TaskWriter) -> None:
        """Write what is found."""
        assert partition == writer.number
        corpus = _KeptDocuments(writer.partial, self.documents, self.previous)
        write_found(writer, self.kind, corpus, self.partitions, self.width)


class _KeptDocuments:
    """The documents that no matcher removes, and their ranks."""

    def __init__(
        self, partial: Path, documents: DocumentTable, previous: Sequence[Matcher]
    ) -> None:
        self.starts = documents.starts[documents.older :]
        self._tables = [table for _, table in tables_of(previous, partial)]
        self._ranks = ranks(partial)

    def removed(self, task: int) -> NDArray[np.int64]:
        return removed_in(self._tables, int(self.starts[task]), int(self.starts[task + 1]))

    def ranks(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._ranks[numbers - self.starts[0]]


def _occurrences(
    units: Units, kind: str, words: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    if kind == "lines":
        return units.lines(words)
    if kind == "paragraphs":
        return units.paragraphs(words)
    keys = units.passages(words)
    return keys, np.arange(len(keys))


def _lines(text: str, rows: list[Any], _: int) -> Iterator[Cut]:
    starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    for _, position, _, first in rows:
        yield Cut(starts[position], min(starts[position + 1], len(text)), "line", first)


def _paragraphs(text: str, rows: list[Any], _: int) -> Iterator[Cut]:
    lines = text.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    for _, position, _, first in rows:
        stop = position
        while stop < len(lines) and lines[stop].strip():
            stop += 1
        yield Cut(starts[position], min(starts[stop], len(text)), "paragraph", first)


def _passages(text: str, rows: list[Any], words: int) -> Iterator[Cut]:
    """Merge passages that continue in the same way where they first occur."""
    spans = word_spans(text)
    run: list[int] | None = None
    for _, position, first_position, first in rows:
        if run and run[1:] == [position - 1, first_position - 1, first]:
            run[1:3] = position, first_position
            continue
        if run:
            yield Cut(spans[run[0]][0], spans[run[1] + words - 1][1], "passage", run[3])
        run = [position, position, first_position, first]
    if run:
        yield Cut(spans[run[0]][0], spans[run[1] + words - 1][1], "passage", run[3])


SPANS: dict[str, Callable[[str, list[Any], int], Iterator[Cut]]] = {
    "lines": _lines,
    "paragraphs": _paragraphs,
    "passages": _passages,
}
