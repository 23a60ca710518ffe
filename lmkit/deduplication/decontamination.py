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
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.documents_file import Document, RecordsFile
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter, finished, scratch
from lmkit.deduplication.cut_spans import Cut, Cutter
from lmkit.deduplication.document_table import DocumentTable
from lmkit.deduplication.matcher import Collect, Matcher
from lmkit.deduplication.ngram_search import Items
from lmkit.deduplication.options import DecontaminationConfig
from lmkit.deduplication.removal_table import NO_REPRESENTATIVE, Removals, write_removals
from lmkit.errors import LmkitError

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


class Decontaminator(Matcher):
    """Find the items of test sets, and drop or cut what contains them."""

    reason = "contaminated"

    def __init__(self, decontamination: DecontaminationConfig) -> None:
        self.decontamination = decontamination

    @contextmanager
    def collect(self, writer: TaskWriter) -> Generator[Collect]:
        """Search for items, in many documents at a time."""
        items = Items.load(writer.partial / scratch("items", 0))
        texts = _Texts(writer.partial)
        waiting: list[Document] = []
        rows: list[tuple[int, int, int, int]] = []
        searched = characters = 0
        with RecordsFile(writer, "contamination") as report:

            def search() -> None:
                nonlocal searched, characters
                written = [document.text for document in waiting]
                for document, found in zip(waiting, items.find(written, texts.text), strict=True):
                    for one in found:
                        rows.append((searched, one.item, one.start, one.stop))
                        test_set, _, name, _ = texts[one.item]
                        report.write(
                            {
                                **{"id": document.id, "source": document.source},
                                **{"set": test_set, "item": name},
                                **{"start": one.start, "stop": one.stop, "words": one.words},
                                "text": document.text[one.start : one.stop],
                            }
                        )
                    searched += 1
                waiting.clear()
                characters = 0

            def add(document: Document) -> None:
                nonlocal characters
                waiting.append(document)
                characters += len(document.text)
                if characters >= AT_ONCE:
                    search()

            yield add
            search()
        with writer.scratch_file(scratch("found", writer.number)) as path:
            path.write_bytes(np.array(rows, np.int64).tobytes())

    def match(
        self,
        folder: OutputFolder,
        documents: "DocumentTable",
        workers: int,
        previous: Sequence[Matcher],
    ) -> None:
        """Count what was found."""
        del workers, previous
        folder.run("contaminated", _count_items, [documents], label="counting items")

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

    def removed(self, partial: Path) -> "Removals | None":
        """Return which documents are removed; none has a representative."""
        if self.decontamination.action != "drop":
            return None
        return Removals([partial / scratch("contaminated", 0)])

    @contextmanager
    def spans_to_cut(self, writer: TaskWriter, documents: "DocumentTable") -> Generator[Cutter]:
        """Yield a function that returns the lines that items overlap."""
        rows = _found(writer.partial, writer.number)
        first = documents.of_task(writer.number)[0]

        def lines(number: int, document: Document) -> Iterator[Cut]:
            low, high = rows[:, 0].searchsorted([number - first, number - first + 1])
            for _, _, start, stop in rows[low:high].tolist():
                begins = document.text.rfind("\n", 0, start) + 1
                ends = document.text.find("\n", stop)
                yield Cut(begins, len(document.text) if ends < 0 else ends + 1, "item", None)

        yield lines if self.decontamination.action == "cut" else lambda _n, _d: ()


class _Texts:
    """The texts of items, with their set, number and name; read on first use."""

    def __init__(self, partial: Path) -> None:
        self._path = partial / scratch("item-texts", 0)
        self._rows: list[tuple[str, int, str, str]] = []

    def __getitem__(self, number: int) -> tuple[str, int, str, str]:
        """Return the set, number and name of the item, and the text."""
        if not self._rows:
            self._rows = [json.loads(line) for line in self._path.open()]
        return self._rows[number]

    def text(self, number: int) -> str:
        """Return a text as it is in the test set."""
        return self[number][3]


def _found(partial: Path, task: int) -> "NDArray[np.int64]":
    return np.fromfile(partial / scratch("found", task), np.int64).reshape(-1, COLUMNS)


def _count_items(documents: "DocumentTable", writer: TaskWriter) -> None:
    """Write which documents contain items, and report how many items of each set were found."""
    texts = _Texts(writer.partial)
    documents_of: dict[str, set[int]] = {}
    items: dict[str, set[int]] = {}
    for task in range(len(documents.parts) - documents.older):
        first, _ = documents.of_task(task)
        for index, text, *_ in _found(writer.partial, task).tolist():
            test_set, item, *_ = texts[text]
            documents_of.setdefault(test_set, set()).add(first + index)
            items.setdefault(test_set, set()).add(item)
    removed = set[int]().union(*documents_of.values())
    with writer.scratch_file(scratch("contaminated", 0)) as path:
        write_removals(path, ((number, NO_REPRESENTATIVE, 1.0) for number in removed))
    writer.facts = {
        name: {"found": len(items[name]), "documents": len(documents_of[name])}
        for name in sorted(items)
    }
