"""What dedup has found, for a person to judge: clusters, examples, and duplicates by source.

Choice: the texts of examples are collected during the second reading, in which duplicates are
counted by source, too.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.tasks import Receipt, TaskWriter
from lmkit.deduplication.clusters.cluster_counts import ClusterCounts, Example
from lmkit.execution.tables import limited_rows

LISTED = 100


class ExampleCollector:
    """What the second reading of a task collects: texts of examples, and counts of duplicates."""

    def __init__(self, examples: Iterable[Example]) -> None:
        self._numbers = {number for example in examples for number in example[:2]}
        self._pairs: Counter[tuple[str, str, str]] = Counter()
        self._texts: dict[str, tuple[str, str, str]] = {}

    def add(self, number: int, document: Document) -> None:
        """Keep the text of a document that is part of an example."""
        if number in self._numbers:
            self._texts[str(number)] = document.source, document.id, document.text[:COMPARED]

    def count(self, reason: str, source: str, kept: str) -> None:
        """Count a document that is removed."""
        self._pairs[reason, source, kept] += 1

    def write_facts(self, writer: TaskWriter) -> None:
        """Write what was collected to the receipt."""
        writer.facts["pairs"] = [[*pair, count] for pair, count in sorted(self._pairs.items())]
        writer.facts["texts"] = self._texts


def summary_of(found: ClusterCounts, receipts: Sequence[Receipt]) -> dict[str, Any]:
    """Merge what tasks have collected, for the manifest."""
    pairs: Counter[tuple[str, str, str]] = Counter()
    texts: dict[str, tuple[str, str, str]] = {}
    for receipt in receipts:
        for reason, source, kept, count in receipt.facts["pairs"]:
            pairs[reason, source, kept] += count
        texts |= receipt.facts["texts"]
    examples: list[dict[str, Any]] = []
    for number, kept, similarity in found.examples:
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
        "clusters": {str(size): count for size, count in found.sizes.items()},
        "largest_clusters": [
            {"documents": size, "source": key.source, "id": key.id} for size, key in found.largest
        ],
        "duplicates": _listed(pairs),
        "examples": examples,
    }


def _listed(pairs: Counter[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """List the most frequent pairs, and sum up the rest."""
    ordered = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = [
        {"reason": reason, "source": source, "of": kept, "documents": count}
        for (reason, source, kept), count in ordered
    ]
    return limited_rows(rows, LISTED)


AROUND = 4
"""Words to show before and after a difference."""
SHOWN = 400
"""Characters to show of each text."""
COMPARED = 20_000
"""Characters to compare of each text."""
ALIGNED = 400
"""Words to align from the first difference on: the time is cubic where few words are repeated."""


def side_by_side(one: str, other: str) -> tuple[str, str]:
    """Return where two texts differ, with the differing words in double brackets.

    >>> side_by_side("It was the best of times.", "It was the worst of times.")
    ('It was the [[best]] of times.', 'It was the [[worst]] of times.')
    """
    left, right = _from_first_difference(one[:COMPARED].split(), other[:COMPARED].split())
    shown: tuple[list[str], list[str]] = [], []
    aligned = left[:ALIGNED], right[:ALIGNED]
    blocks = SequenceMatcher(None, *aligned, autojunk=False).get_opcodes()
    if (left, right) != aligned and len(blocks) > 2 and blocks[-1][0] != "equal":
        del blocks[-1]  # they differ there since they were cut there
    for block, (operation, *bounds) in enumerate(blocks):
        for text, words in zip(
            shown, (left[bounds[0] : bounds[1]], right[bounds[2] : bounds[3]]), strict=True
        ):
            if operation != "equal":
                text.append(f"[[{' '.join(words)}]]")
                continue
            before = words[: AROUND if block else 0]
            after = (
                words[max(len(before), len(words) - AROUND) :] if block < len(blocks) - 1 else []
            )
            gap = ["…"] if len(before) + len(after) < len(words) else []
            text += [*before, *gap, *after]
    compared = [" ".join(text) for text in shown]
    return _truncated(compared[0]), _truncated(compared[1])


def _from_first_difference(left: list[str], right: list[str]) -> tuple[list[str], list[str]]:
    """Leave out the words that both texts begin with, but for those that are shown."""
    pairs = enumerate(zip(left, right, strict=False))
    same = next((n for n, (one, other) in pairs if one != other), min(len(left), len(right)))
    start = max(0, same - AROUND - 1)
    return left[start:], right[start:]


def _truncated(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 2] + " …"
