r"""The pass that looks for the items of test sets in documents.

    contamination-00000.jsonl.zst    {"id","source","set","item","start","stop","words","text"}

Choices:
- Documents with an item are dropped, or the lines that it touches are cut, or it is only reported.
  Whole lines, since what stands around an item is often the rest of it: GPT-3 cut 200 characters
  on both sides (Brown et al. 2020, appendix C).
- It comes before all other passes: or a clean document could go for one that is dropped then.
- Test sets are prepared once, and every task reads what was prepared. What a task has found lies
  in a file of its own; one task counts all of it.
- A test set is as affected as the share of its items of which anything was found. Those that are
  too short to be looked for are counted beside it.
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
from lmkit.deduplication.matcher import Matcher, Note
from lmkit.deduplication.ngram_search import Items
from lmkit.deduplication.options import DecontaminationConfig
from lmkit.deduplication.removal_table import NOBODY, Removals, write_removals
from lmkit.errors import LmkitError

AT_ONCE = 150_000
"""Characters that are searched at a time."""
COLUMNS = 4
"""Document in its task, text of an item, start, stop."""


def prepare_items(
    items: Iterable[tuple[str, str, Sequence[str]]], words: int, writer: TaskWriter
) -> None:
    """Write items, as set, name and texts, in the form that tasks look for them."""
    texts: list[str] = []
    item_of: list[int] = []
    set_of: list[str] = []
    with (
        writer.scratch_file(scratch("item-texts", 0)) as texts_path,
        writer.scratch_file(scratch("items", 0)) as items_path,
    ):
        with texts_path.open("w") as file:
            for number, (test_set, name, mine) in enumerate(items):
                set_of.append(test_set)
                for text in mine:
                    file.write(json.dumps([test_set, number, name, text]) + "\n")
                texts += mine
                item_of += [number] * len(mine)
        prepared, short = Items.of(texts, words)
        too_short = set(short)
        looked_for = {item for n, item in enumerate(item_of) if n not in too_short}
        if not looked_for:
            raise LmkitError(
                "--decontamination.against: no item has two words and six letters to search for",
                "name files of evaluation items, as JSON lines",
            )
        with items_path.open("wb") as file:
            prepared.save(file)
    looked_for_in = Counter(set_of[item] for item in looked_for)
    writer.facts = {
        name: {"items": count, "too_short": count - looked_for_in[name]}
        for name, count in sorted(Counter(set_of).items())
    }


class Decontaminator(Matcher):
    """Find the items of test sets, and drop or cut what holds them."""

    reason = "contaminated"

    def __init__(self, contamination: DecontaminationConfig) -> None:
        self.decontamination = contamination

    @contextmanager
    def noting(self, writer: TaskWriter) -> Generator[Note]:
        """Look for items, in many documents at a time."""
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

            def note(document: Document) -> None:
                nonlocal characters
                waiting.append(document)
                characters += len(document.text)
                if characters >= AT_ONCE:
                    search()

            yield note
            search()
        with writer.scratch_file(scratch("found", writer.number)) as path:
            path.write_bytes(np.array(rows, np.int64).tobytes())

    def match(
        self, folder: OutputFolder, notes: "DocumentTable", workers: int, before: Sequence[Matcher]
    ) -> None:
        """Count what was found."""
        del workers, before
        folder.run("contaminated", _tally, [notes], label="counting items")

    def told(self, folder: OutputFolder) -> dict[str, Any]:
        """Return how much of each test set was found, and in how many documents."""
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

    def gone(self, partial: Path) -> "Removals | None":
        """Return which documents go; none stays for them."""
        if self.decontamination.action != "drop":
            return None
        return Removals([partial / scratch("contaminated", 0)])

    @contextmanager
    def cutting(self, writer: TaskWriter, notes: "DocumentTable") -> Generator[Cutter]:
        """Hand out what finds the lines that items touch."""
        rows = _found(writer.partial, writer.number)
        first = notes.of_task(writer.number)[0]

        def lines(number: int, document: Document) -> Iterator[Cut]:
            low, high = rows[:, 0].searchsorted([number - first, number - first + 1])
            for _, _, start, stop in rows[low:high].tolist():
                begins = document.text.rfind("\n", 0, start) + 1
                ends = document.text.find("\n", stop)
                yield Cut(begins, len(document.text) if ends < 0 else ends + 1, "item", None)

        yield lines if self.decontamination.action == "cut" else lambda _n, _d: ()


class _Texts:
    """The texts of items and whose they are, read when the first is asked for."""

    def __init__(self, partial: Path) -> None:
        self._path = partial / scratch("item-texts", 0)
        self._rows: list[tuple[str, int, str, str]] = []

    def __getitem__(self, number: int) -> tuple[str, int, str, str]:
        """Return set, number and name of the item, and the text."""
        if not self._rows:
            self._rows = [json.loads(line) for line in self._path.open()]
        return self._rows[number]

    def text(self, number: int) -> str:
        """Return a text as it is written."""
        return self[number][3]


def _found(partial: Path, task: int) -> "NDArray[np.int64]":
    return np.fromfile(partial / scratch("found", task), np.int64).reshape(-1, COLUMNS)


def _tally(notes: "DocumentTable", writer: TaskWriter) -> None:
    """Write which documents hold items, and tell how much of each set was found."""
    texts = _Texts(writer.partial)
    documents: dict[str, set[int]] = {}
    items: dict[str, set[int]] = {}
    for task in range(len(notes.parts) - notes.older):
        first, _ = notes.of_task(task)
        for index, text, *_ in _found(writer.partial, task).tolist():
            test_set, item, *_ = texts[text]
            documents.setdefault(test_set, set()).add(first + index)
            items.setdefault(test_set, set()).add(item)
    gone = set[int]().union(*documents.values())
    with writer.scratch_file(scratch("contaminated", 0)) as path:
        write_removals(path, ((number, NOBODY, 1.0) for number in gone))
    writer.facts = {
        name: {"found": len(items[name]), "documents": len(documents[name])}
        for name in sorted(items)
    }
