"""The list of the documents that are removed, and of those that are kept for them.

    duplicates-00000.jsonl.zst    {"id", "source", "kept", "reason", "similarity", ...}

Choice: each line tells where both documents were read (origin, offset, record), since ids may
repeat.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from lmkit.artifacts.documents_file import JsonLinesFile
from lmkit.artifacts.tasks import TaskWriter
from lmkit.deduplication.document_table import DocumentTable
from lmkit.deduplication.examples import ExampleCollector
from lmkit.deduplication.keep_policy import DocumentKey


class Duplicate(NamedTuple):
    """A document that is removed."""

    id: str
    source: str
    reason: str
    kept: int
    """The number of the document that is kept for it."""
    similarity: float
    location: dict[str, Any]

    def record(self, kept: DocumentKey) -> dict[str, Any]:
        """Return the JSON object of its line."""
        return {
            "id": self.id,
            "source": self.source,
            **self.location,
            "kept": {"source": kept.source, "id": kept.id, **(kept.location or {})},
            "reason": self.reason,
            "similarity": round(self.similarity, 6),
        }


def write_duplicates(
    duplicates: Sequence[Duplicate],
    documents: DocumentTable,
    examples: ExampleCollector,
    writer: TaskWriter,
) -> None:
    """Write the duplicates of a task, and count them by source."""
    writer.facts["same_ids"] = 0
    if not duplicates:
        return
    keys = documents.keys(list({duplicate.kept for duplicate in duplicates}))
    with writer.file(f"duplicates-{writer.number:05d}.jsonl.zst") as path:
        file = JsonLinesFile(path)
        for duplicate in duplicates:
            kept = keys[duplicate.kept]
            examples.count(duplicate.reason, duplicate.source, kept.source)
            same = (kept.source, kept.id) == (duplicate.source, duplicate.id)
            writer.facts["same_ids"] += same
            file.write(duplicate.record(kept))
        file.close()
