r"""The spans that matchers cut out of documents that are kept.

    cuts-00000.jsonl.zst    {"id", "source", "reason", "start", "stop", "text", "kept"}

Choices:
- Every cut is recorded, with the removed text, its start and stop (in characters of the input
  document), and the document that still contains it. Cuts may overlap.
- All matchers read the input document, and it is cut once. A span that is cut because of a first
  occurrence which is itself cut because of another is still in the last: an occurrence is only
  ever cut because of one that ranks before it.
- A document without a word left is dropped.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from lmkit.artifacts.documents_file import Document, RecordsFile, Rejected
from lmkit.artifacts.tasks import TaskFiles, TaskWriter
from lmkit.deduplication.document_table import DocumentTable
from lmkit.text.span_removal import cut, joined

EMPTIED = "nothing_left"


class Cut(NamedTuple):
    """A span to cut out of a document."""

    start: int
    stop: int
    reason: str
    kept: int | None
    """The document that still contains the text, if it is cut as a repeat."""


Cutter = Callable[[int, Document], Iterable[Cut]]
"""Returns the spans to cut out of the document with this number."""


class CutDocuments(TaskFiles):
    """Cuts the documents of a task; it records the cuts, and counts them at the end."""

    def __init__(
        self, cutters: Sequence[Cutter], writer: TaskWriter, documents: DocumentTable
    ) -> None:
        super().__init__()
        self._cutters = cutters
        self._writer = writer
        self._key_of = lru_cache(4096)(lambda number: documents.keys([number])[number])
        self._file = self.stack.enter_context(RecordsFile(writer, "cuts"))
        self._count: Counter[str] = Counter()

    def apply(self, number: int, document: Document) -> Document | Rejected:
        """Return a document without the spans that are cut out of it."""
        found = sorted(one for cutter in self._cutters for one in cutter(number, document))
        if not found:
            return document
        for one in found:
            self._record(document, one)
        spans = [(one.start, one.stop) for one in found]
        self._count["documents_cut"] += 1
        self._count["characters_cut"] += sum(stop - start for start, stop in joined(spans))
        left = cut(document.text, spans)
        shorter = document.with_text(left)
        return shorter if left.strip() else Rejected(shorter, EMPTIED)

    def _record(self, document: Document, one: Cut) -> None:
        line: dict[str, Any] = {"id": document.id, "source": document.source}
        line |= {"reason": one.reason, "start": one.start, "stop": one.stop}
        line["text"] = document.text[one.start : one.stop]
        if one.kept is not None:
            key = self._key_of(one.kept)
            line["kept"] = {"source": key.source, "id": key.id}
        self._file.write(line)
        self._count[f"{one.reason}s_cut"] += 1

    def close(self) -> None:
        """Add the counts to those of the task."""
        more = {**self._writer.counts.more, **self._count}
        self._writer.counts = self._writer.counts.model_copy(update={"more": more})
