"""What dedup has found, for a person to judge: clusters, examples, and which sources repeat which.

Choices:
- A cluster is a document that stays, and all that go for it or are marked with it.
- Examples are near-duplicates spread evenly over their similarities, from the least on: there it
  shows whether the limit is right. Their texts are kept on the way through the second reading.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.tasks import Receipt, TaskWriter
from lmkit.deduplication.document_table import DocumentTable
from lmkit.deduplication.removal_table import NOBODY, Removals
from lmkit.execution.tables import listed

EXAMPLES = 6
LARGEST = 5
LISTED = 100


def write_examples(
    tables: Sequence[tuple[str, Removals]], notes: DocumentTable, writer: TaskWriter
) -> None:
    """Report the clusters, and choose examples."""
    kept = [np.empty(0, np.int64)]
    for place, (_, table) in enumerate(tables):
        for rows in table.parts:
            others = rows["kept"][rows["kept"] != rows["number"]]
            for _, later in tables[place + 1 :]:
                others = later.stays(others)
            kept.append(others[others != NOBODY])
    stays, counts = np.unique(np.concatenate(kept), return_counts=True)
    sizes, clusters = np.unique(counts + 1, return_counts=True)
    writer.facts["sizes"] = dict(zip(map(str, sizes.tolist()), clusters.tolist(), strict=True))
    order = np.lexsort((stays, -counts))[:LARGEST]
    names = notes.names(stays[order])
    writer.facts["largest"] = [
        {"documents": size + 1, "source": names[number].source, "id": names[number].id}
        for number, size in zip(stays[order].tolist(), counts[order].tolist(), strict=True)
    ]
    near = [row for name, table in tables if name == "near" for row in _spread(table, notes)]
    writer.facts["examples"] = near


def _spread(table: Removals, notes: DocumentTable) -> list[tuple[int, int, float]]:
    rows = np.concatenate([np.empty(0, table.row), *table.parts])
    rows = rows[(rows["kept"] >= notes.first) & (rows["kept"] != rows["number"])]
    rows = rows[np.lexsort((rows["number"], rows["similarity"]))]
    places = np.unique(np.linspace(0, len(rows) - 1, EXAMPLES).astype(int)) if len(rows) else []
    return [
        (int(row["number"]), int(row["kept"]), round(float(row["similarity"]), 6))
        for row in rows[places]
    ]


class ExampleCollector:
    """What the second reading of a task keeps for the audit."""

    def __init__(self, examples: Iterable[tuple[int, int, float]]) -> None:
        self._wanted = {number for example in examples for number in example[:2]}
        self._pairs: Counter[tuple[str, str, str]] = Counter()
        self._texts: dict[str, tuple[str, str, str]] = {}

    def see(self, number: int, document: Document) -> None:
        """Look at a document."""
        if number in self._wanted:
            self._texts[str(number)] = document.source, document.id, document.text[:COMPARED]

    def count(self, reason: str, source: str, kept: str) -> None:
        """Count a document that goes."""
        self._pairs[reason, source, kept] += 1

    def report(self, writer: TaskWriter) -> None:
        """Leave what was seen in the receipt."""
        writer.facts["pairs"] = [[*pair, count] for pair, count in sorted(self._pairs.items())]
        writer.facts["texts"] = self._texts


def summary_of(audit: Receipt, receipts: Sequence[Receipt]) -> dict[str, Any]:
    """Put together what stands in the manifest."""
    pairs: Counter[tuple[str, str, str]] = Counter()
    texts: dict[str, tuple[str, str, str]] = {}
    for receipt in receipts:
        for reason, source, kept, count in receipt.facts["pairs"]:
            pairs[reason, source, kept] += count
        texts |= receipt.facts["texts"]
    examples: list[dict[str, Any]] = []
    for number, kept, similarity in audit.facts["examples"]:
        source, key, text = texts[str(number)]
        kept_source, kept_key, kept_text = texts[str(kept)]
        before, after = side_by_side(kept_text, text)
        examples.append(
            {
                "similarity": similarity,
                "stays": {"source": kept_source, "id": kept_key},
                "like": {"source": source, "id": key},
                "its_text": before,
                "text": after,
            }
        )
    return {
        "clusters": audit.facts["sizes"],
        "largest_clusters": audit.facts["largest"],
        "duplicates": _listed(pairs),
        "examples": examples,
    }


def _listed(pairs: Counter[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """List the most frequent pairs, and how many documents the rest are."""
    ordered = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = [
        {"reason": reason, "source": source, "of": kept, "documents": count}
        for (reason, source, kept), count in ordered
    ]
    return listed(rows, LISTED)


AROUND = 4
"""Words to show on both sides of what differs."""
SHOWN = 400
"""Characters to show of each text."""
COMPARED = 20_000
"""Characters to compare of each text."""


def side_by_side(one: str, other: str) -> tuple[str, str]:
    """Return the parts of two texts where they differ, the differing words in double brackets.

    >>> side_by_side("It was the best of times.", "It was the worst of times.")
    ('It was the [[best]] of times.', 'It was the [[worst]] of times.')
    """
    left, right = one[:COMPARED].split(), other[:COMPARED].split()
    shown: tuple[list[str], list[str]] = [], []
    blocks = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    for place, (what, *places) in enumerate(blocks):
        for text, words in zip(
            shown, (left[places[0] : places[1]], right[places[2] : places[3]]), strict=True
        ):
            if what != "equal":
                text.append(f"[[{' '.join(words)}]]")
                continue
            before = words[: AROUND if place else 0]
            behind = (
                words[max(len(before), len(words) - AROUND) :] if place < len(blocks) - 1 else []
            )
            gap = ["…"] if len(before) + len(behind) < len(words) else []
            text += [*before, *gap, *behind]
    marked = [" ".join(text) for text in shown]
    return _cut(marked[0]), _cut(marked[1])


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 2] + " …"
