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

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter
from lmkit.deduplication.cut_spans import Cut, Cutter
from lmkit.deduplication.document_table import DocumentTable
from lmkit.deduplication.matcher import Collect, Matcher, tables_of
from lmkit.deduplication.occurrence_table import (
    partition_count,
    read_found,
    write_found,
    writing_occurrences,
)
from lmkit.deduplication.options import KeepConfig, RepeatsConfig
from lmkit.deduplication.ranking import rank_documents, ranks
from lmkit.deduplication.removal_table import removed_in
from lmkit.text.text_units import Units, WordKeys, word_spans


class RepeatedSpans(Matcher):
    """Of repeats inside documents, keep the first occurrence."""

    reason = "inside"

    def __init__(self, repeats: RepeatsConfig, keep: KeepConfig) -> None:
        self.repeats = repeats
        self.keep = keep

    @contextmanager
    def collect(self, writer: TaskWriter) -> Generator[Collect]:
        """Write a key for each line, paragraph and passage."""
        known = WordKeys()
        with ExitStack() as stack:
            adders = [
                (kind, words, stack.enter_context(writing_occurrences(writer, kind)))
                for kind, words in self.repeats.chosen.items()
            ]

            def add(document: Document) -> None:
                units = Units.of(document.text, known)
                for kind, words, add_occurrences in adders:
                    add_occurrences(*_occurrences(units, kind, words))

            yield add

    def match(
        self,
        folder: OutputFolder,
        documents: "DocumentTable",
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
            find = partial(_find, kind, documents, previous, partitions, width)
            folder.run(
                f"{kind}-found", find, range(partitions), workers=workers, label=f"matching {kind}"
            )

    @contextmanager
    def spans_to_cut(self, writer: TaskWriter, documents: "DocumentTable") -> Generator[Cutter]:
        """Yield a function that returns the spans to cut out of a document."""
        first, stop = documents.of_task(writer.number)
        tasks = len(documents.parts) - documents.older
        found: dict[str, tuple[NDArray[np.int64], NDArray[Any]]] = {}
        for kind in self.repeats.chosen:
            partitions = partition_count(writer.partial, kind, tasks)
            rows = read_found(writer.partial, kind, partitions, first, stop)
            found[kind] = rows["document"].copy(), rows

        def spans(number: int, document: Document) -> Iterator[Cut]:
            for kind, words in self.repeats.chosen.items():
                numbers, rows = found[kind]
                low, high = numbers.searchsorted([number, number + 1])
                if low < high:
                    yield from SPANS[kind](document.text, rows[low:high].tolist(), words)

        yield spans


def _find(
    kind: str,
    documents: "DocumentTable",
    previous: Sequence[Matcher],
    partitions: int,
    width: int,
    partition: int,
    writer: TaskWriter,
) -> None:
    assert partition == writer.number
    write_found(
        writer, kind, _KeptDocuments(writer.partial, documents, previous), partitions, width
    )


class _KeptDocuments:
    """The documents that no matcher removes, and their ranks."""

    def __init__(
        self, partial: Path, documents: "DocumentTable", previous: Sequence[Matcher]
    ) -> None:
        self.starts = documents.starts[documents.older :]
        self._tables = [table for _, table in tables_of(previous, partial)]
        self._ranks = ranks(partial)

    def removed(self, task: int) -> "NDArray[np.int64]":
        return removed_in(self._tables, int(self.starts[task]), int(self.starts[task + 1]))

    def ranks(self, numbers: "NDArray[np.int64]") -> "NDArray[np.int64]":
        return self._ranks[numbers - self.starts[0]]


def _occurrences(
    units: "Units", kind: str, words: int
) -> "tuple[NDArray[np.uint64], NDArray[np.int64]]":
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
