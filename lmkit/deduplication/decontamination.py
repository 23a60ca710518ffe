r"""The matcher that searches documents for items of test sets.

    contamination-00000.jsonl.zst    {"id","source","set","item","start","stop","words","text"}

Choices:
- Documents with an item are dropped, or the lines that it overlaps are cut, or it is only
  reported. Full lines, since the text around an item is often the rest of it: GPT-3 cut 200
  characters on both sides (Brown et al. 2020, appendix C).
- It runs before all other matchers: otherwise a clean document could be removed as a duplicate of
  a contaminated one, which is then dropped as well.
- Test sets are prepared once, and every task reads the result. What a task finds is stored in its
  own file; one task counts all of it.
- The contamination of a test set is the fraction of its items of which anything was found. Items
  that are too short to search for are counted separately.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from glob import glob
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.documents_file import Document, RecordsFile
from lmkit.artifacts.inputs import RECORDS, Inputs, Slice, find_documents
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter, finished, scratch
from lmkit.deduplication.cut_spans import Cut
from lmkit.deduplication.document_table import DocumentTable
from lmkit.deduplication.matcher import Collector, Matcher
from lmkit.deduplication.ngram_search import Items
from lmkit.deduplication.options import DecontaminationConfig, MatchOptions
from lmkit.deduplication.removal_table import NO_REPRESENTATIVE, Removals
from lmkit.errors import InputError, LmkitError
from lmkit.readers.test_sets import read_items

AT_ONCE = 150_000
"""Characters that are searched at a time."""
COLUMNS = 4
"""Index of the document in its task, index of the item's text, start, stop."""


def prepare_items(
    items: Iterable[tuple[str, str, Sequence[str]]], words: int, writer: TaskWriter
) -> None:
    """Write items, given as set, name and texts, in the form in which tasks search for them."""
    texts: list[str] = []
    item_of: list[int] = []
    set_of: list[str] = []
    with (
        writer.scratch_file(scratch("item-texts", 0)) as texts_path,
        writer.scratch_file(scratch("items", 0)) as items_path,
    ):
        with texts_path.open("w") as file:
            for number, (test_set, name, item_texts) in enumerate(items):
                set_of.append(test_set)
                for text in item_texts:
                    file.write(json.dumps([test_set, number, name, text]) + "\n")
                texts += item_texts
                item_of += [number] * len(item_texts)
        prepared, short = Items.of(texts, words)
        too_short = set(short)
        searched_for = {item for n, item in enumerate(item_of) if n not in too_short}
        if not searched_for:
            raise LmkitError(
                "--decontamination.against: no item has two words and six letters to search for",
                "name files of evaluation items, as JSON lines",
            )
        with items_path.open("wb") as file:
            prepared.save(file)
    searched_for_in = Counter(set_of[item] for item in searched_for)
    writer.facts = {
        name: {"items": count, "too_short": count - searched_for_in[name]}
        for name, count in sorted(Counter(set_of).items())
    }


def _prepare_items(
    ngram: int, max_record: int, slices: Sequence[Slice], writer: TaskWriter
) -> None:
    items = (
        (item.set, item.name, item.texts)
        for part in slices
        for item in read_items(part, writer.read, max_record)
    )
    prepare_items(items, ngram, writer)


class Decontaminator(Matcher):
    """Find the items of test sets, and drop or cut what contains them."""

    reason = "contaminated"
    option = "decontamination.against"

    def __init__(self, decontamination: DecontaminationConfig, max_record: int) -> None:
        self.decontamination = decontamination
        self.max_record = max_record

    @classmethod
    def of(cls, options: MatchOptions) -> Self | None:
        """Return the matcher, or None without test sets."""
        if not options.decontamination.against:
            return None
        return cls(options.decontamination, options.max_record)

    def inputs(self) -> Inputs:
        """Find the files of test sets; a pattern that is no file stands for those it matches."""
        paths: list[Path] = []
        for path in self.decontamination.against:
            # Path.glob takes no pattern that begins at the root.
            matches = [] if path.exists() else sorted(map(Path, glob(str(path))))  # noqa: PTH207
            paths += matches or [path]
        try:
            return find_documents(paths, formats=RECORDS)
        except InputError as error:
            raise InputError(f"--decontamination.against: {error.message}", error.hint) from None

    def prepare(self, folder: OutputFolder, slices: Sequence[Slice]) -> None:
        """Read the items of the test sets."""
        work = partial(_prepare_items, self.decontamination.ngram, self.max_record)
        folder.run("items", work, [slices], label="reading test sets")

    def collect(self, writer: TaskWriter) -> Collector:
        """Return what searches documents for items."""
        return _ItemSearch(writer)

    def match(
        self,
        folder: OutputFolder,
        documents: DocumentTable,
        workers: int,
        previous: Sequence[Matcher],
    ) -> None:
        """Count what was found."""
        del workers, previous
        folder.run("contaminated", _count_items, [documents], label="counting test items")

    def summarize(self, folder: OutputFolder) -> dict[str, Any]:
        """Return how many items of each test set were found, and in how many documents."""
        sets, found = (finished(folder.path, step, 0) for step in ("items", "contaminated"))
        assert sets and found
        nothing = {"found": 0, "documents": 0}
        rows = {name: facts | found.facts.get(name, nothing) for name, facts in sets.facts.items()}
        return {
            "test_sets": [
                {"set": name, **row, "share": round(row["found"] / row["items"], 6)}
                for name, row in rows.items()
            ]
        }

    def removed(self, partial: Path) -> Removals | None:
        """Return which documents are removed; none has a representative."""
        if self.decontamination.action != "drop":
            return None
        return Removals([partial / scratch("contaminated", 0)])

    def spans_to_cut(self, writer: TaskWriter, documents: DocumentTable) -> "_CutLines | None":
        """Return what finds the lines that items overlap."""
        if self.decontamination.action != "cut":
            return None
        first, _ = documents.of_task(writer.number)
        return _CutLines(first, _found(writer.partial, writer.number))


class _ItemSearch(Collector):
    """Searches for items, in many documents at a time, and reports what it finds."""

    def __init__(self, writer: TaskWriter) -> None:
        super().__init__()
        self._writer = writer
        self._items = Items.load(writer.partial / scratch("items", 0))
        self._texts = _Texts(writer.partial)
        self._report = self.stack.enter_context(RecordsFile(writer, "contamination"))
        self._waiting: list[Document] = []
        self._rows: list[tuple[int, int, int, int]] = []
        self._searched = self._characters = 0

    def add(self, document: Document) -> None:
        """Add a document to those that are searched next."""
        self._waiting.append(document)
        self._characters += len(document.text)
        if self._characters >= AT_ONCE:
            self._search()

    def _search(self) -> None:
        written = [document.text for document in self._waiting]
        matches = self._items.find(written, self._texts.text)
        for document, found in zip(self._waiting, matches, strict=True):
            for one in found:
                self._rows.append((self._searched, one.item, one.start, one.stop))
                test_set, _, name, _ = self._texts[one.item]
                self._report.write(
                    {
                        **{"id": document.id, "source": document.source},
                        **{"set": test_set, "item": name},
                        **{"start": one.start, "stop": one.stop, "words": one.words},
                        "text": document.text[one.start : one.stop],
                    }
                )
            self._searched += 1
        self._waiting.clear()
        self._characters = 0

    def close(self) -> None:
        """Search the last documents, and write what was found."""
        self._search()
        with self._writer.scratch_file(scratch("found", self._writer.number)) as path:
            path.write_bytes(np.array(self._rows, np.int64).tobytes())


@dataclass(frozen=True)
class _CutLines:
    """Finds the lines that items overlap, in the documents of a task."""

    first: int
    """The number of the first document of the task."""
    rows: NDArray[np.int64]

    def __call__(self, number: int, document: Document) -> Iterator[Cut]:
        """Yield the lines of a document."""
        index = number - self.first
        low, high = self.rows[:, 0].searchsorted([index, index + 1])
        for _, _, start, stop in self.rows[low:high].tolist():
            begins = document.text.rfind("\n", 0, start) + 1
            ends = document.text.find("\n", stop)
            yield Cut(begins, len(document.text) if ends < 0 else ends + 1, "item", None)


class _Texts:
    """The texts of items, with their set, number and name; read on first use."""

    def __init__(self, partial: Path) -> None:
        self._path = partial / scratch("item-texts", 0)
        self._rows: list[tuple[str, int, str, str]] = []

    def __iter__(self) -> Iterator[tuple[str, int, str, str]]:
        """Yield the set, number and name of the item of each text, and the text."""
        return iter(self._read())

    def __getitem__(self, number: int) -> tuple[str, int, str, str]:
        """Return the set, number and name of the item, and the text."""
        return self._read()[number]

    def _read(self) -> list[tuple[str, int, str, str]]:
        if not self._rows:
            self._rows = [json.loads(line) for line in self._path.open()]
        return self._rows

    def text(self, number: int) -> str:
        """Return a text as it is in the test set."""
        return self[number][3]


def _found(partial: Path, task: int) -> NDArray[np.int64]:
    return np.fromfile(partial / scratch("found", task), np.int64).reshape(-1, COLUMNS)


def _count_items(documents: DocumentTable, writer: TaskWriter) -> None:
    """Write which documents contain items, and report how many items of each set were found.

    What is held beside one task's finds is an array of the items, however much was found.
    """
    texts = _Texts(writer.partial)
    names = sorted({test_set for test_set, *_ in texts})
    numbers = {name: number for number, name in enumerate(names)}
    set_of = np.array([numbers[test_set] for test_set, *_ in texts], np.int64)
    item_of = np.array([item for _, item, *_ in texts], np.int64)
    is_found = np.zeros(len(set_of), bool)
    documents_of = np.zeros(len(names), np.int64)
    with writer.scratch_file(scratch("contaminated", 0)) as path, path.open("wb") as file:
        for task in range(len(documents.parts) - documents.older):
            first, _ = documents.of_task(task)
            indices, found = _found(writer.partial, task).T[:2]
            is_found[found] = True
            pairs = np.unique(np.stack([set_of[found], indices]), axis=1)
            documents_of += np.bincount(pairs[0], minlength=len(names))
            removed = first + np.unique(indices)
            rows = np.ones(len(removed), Removals.row)
            rows["number"], rows["kept"] = removed, NO_REPRESENTATIVE
            file.write(rows.tobytes())
    pairs = np.unique(np.stack([set_of[is_found], item_of[is_found]]), axis=1)
    items_of = np.bincount(pairs[0], minlength=len(names)).tolist()
    writer.facts = {
        name: {"found": items, "documents": count}
        for name, items, count in zip(names, items_of, documents_of.tolist(), strict=True)
        if items
    }
