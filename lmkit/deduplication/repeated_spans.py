"""The pass that finds what repeats inside documents: lines, paragraphs, and passages of words.

Choices:
- All three are off unless asked for, by the least number of words. Good values for web pages are
  lines of 6, paragraphs of 10 and passages of 50 words: CCNet (Wenzek et al. 2020) and Dolma cut
  every paragraph that they have met, C4 (Raffel et al. 2020) three sentences, Lee et al. (2022)
  and RefinedWeb 50 tokens. What has fewer words is never cut: headings, "Yes.", a brace.
- A line, paragraph or passage goes where it stands for the second time, in a later document or in
  the same one; the first occurrence stays. Later is what ranks later by `--keep`, by default by
  source and id: never what happens to be read later.
- Equal is what differs only in letter case, white space and Unicode form, as for documents.
- A passage is cut as far as it repeats: at borders of words, however long it is. A line goes with
  its end, so no line is left half by that.
- Only documents count that stay as a whole, and of them only those of this run: an index holds no
  lines.
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
from lmkit.deduplication.matcher import Matcher, Note, tables_of
from lmkit.deduplication.occurrence_table import noting, read_found, shares_of, write_found
from lmkit.deduplication.options import KeepConfig, RepeatsConfig
from lmkit.deduplication.ranking import rank_documents, ranks
from lmkit.deduplication.removal_table import numbers_of
from lmkit.text.text_units import Units, WordKeys, word_places


class RepeatedSpans(Matcher):
    """Of what repeats inside documents, keep the first occurrence."""

    reason = "inside"

    def __init__(self, inside: RepeatsConfig, keep: KeepConfig) -> None:
        self.repeats = inside
        self.keep = keep

    @contextmanager
    def noting(self, writer: TaskWriter) -> Generator[Note]:
        """Note each line, paragraph and passage by a number."""
        known = WordKeys()
        with ExitStack() as stack:
            notes = [
                (kind, words, stack.enter_context(noting(writer, kind)))
                for kind, words in self.repeats.chosen.items()
            ]

            def note(document: Document) -> None:
                units = Units.of(document.text, known)
                for kind, words, one in notes:
                    one(*_occurring(units, kind, words))

            yield note

    def match(
        self, folder: OutputFolder, notes: "DocumentTable", workers: int, before: Sequence[Matcher]
    ) -> None:
        """Find the occurrences that repeat the first, share by share."""
        rank_documents(folder, self.keep, notes, workers)
        for kind, words in self.repeats.chosen.items():
            shares = shares_of(folder.scratch, kind, len(notes.parts) - notes.older)
            width = words if kind == "passages" else 1
            find = partial(_find, kind, notes, before, shares, width)
            folder.run(
                f"{kind}-found", find, range(shares), workers=workers, label=f"matching {kind}"
            )

    @contextmanager
    def cutting(self, writer: TaskWriter, notes: "DocumentTable") -> Generator[Cutter]:
        """Hand out what finds the pieces to cut out of a document."""
        first, stop = notes.of_task(writer.number)
        tasks = len(notes.parts) - notes.older
        found: dict[str, tuple[NDArray[np.int64], NDArray[Any]]] = {}
        for kind in self.repeats.chosen:
            shares = shares_of(writer.partial, kind, tasks)
            rows = read_found(writer.partial, kind, shares, first, stop)
            found[kind] = rows["document"].copy(), rows

        def pieces(number: int, document: Document) -> Iterator[Cut]:
            for kind, words in self.repeats.chosen.items():
                documents, rows = found[kind]
                low, high = documents.searchsorted([number, number + 1])
                if low < high:
                    yield from PIECES[kind](document.text, rows[low:high].tolist(), words)

        yield pieces


def _find(
    kind: str,
    notes: "DocumentTable",
    before: Sequence[Matcher],
    shares: int,
    width: int,
    share: int,
    writer: TaskWriter,
) -> None:
    assert share == writer.number
    write_found(writer, kind, _Staying(writer.partial, notes, before), shares, width)


class _Staying:
    """The documents that stay as a whole, and their ranks."""

    def __init__(self, partial: Path, notes: "DocumentTable", before: Sequence[Matcher]) -> None:
        self.starts = notes.starts[notes.older :]
        self._tables = [table for _, table in tables_of(before, partial)]
        self._ranks = ranks(partial)

    def gone(self, task: int) -> "NDArray[np.int64]":
        return numbers_of(self._tables, int(self.starts[task]), int(self.starts[task + 1]))

    def ranks(self, numbers: "NDArray[np.int64]") -> "NDArray[np.int64]":
        return self._ranks[numbers - self.starts[0]]


def _occurring(
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
    for _, place, _, first in rows:
        yield Cut(starts[place], min(starts[place + 1], len(text)), "line", first)


def _paragraphs(text: str, rows: list[Any], _: int) -> Iterator[Cut]:
    lines = text.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    for _, place, _, first in rows:
        behind = place
        while behind < len(lines) and lines[behind].strip():
            behind += 1
        yield Cut(starts[place], min(starts[behind], len(text)), "paragraph", first)


def _passages(text: str, rows: list[Any], words: int) -> Iterator[Cut]:
    """Join passages that go on in the same document as they do here."""
    places = word_places(text)
    begun: list[int] | None = None
    for _, place, first_place, first in rows:
        if begun and begun[1:] == [place - 1, first_place - 1, first]:
            begun[1:3] = place, first_place
            continue
        if begun:
            yield Cut(places[begun[0]][0], places[begun[1] + words - 1][1], "passage", begun[3])
        begun = [place, place, first_place, first]
    if begun:
        yield Cut(places[begun[0]][0], places[begun[1] + words - 1][1], "passage", begun[3])


PIECES: dict[str, Callable[[str, list[Any], int], Iterator[Cut]]] = {
    "lines": _lines,
    "paragraphs": _paragraphs,
    "passages": _passages,
}
