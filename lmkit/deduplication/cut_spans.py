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
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from lmkit.artifacts.documents_file import Document, RecordsFile, Rejected
from lmkit.artifacts.tasks import TaskWriter
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


@contextmanager
def applying_cuts(
    cutters: Sequence[Cutter], writer: TaskWriter, documents: "DocumentTable"
) -> Generator[Callable[[int, Document], Document | Rejected]]:
    """Yield a function that cuts a document; it records the cuts, and counts them at the end."""
    count: Counter[str] = Counter()
    key_of = lru_cache(4096)(lambda number: documents.keys([number])[number])
    with RecordsFile(writer, "cuts") as file:

        def record(document: Document, one: Cut) -> None:
            line: dict[str, Any] = {"id": document.id, "source": document.source}
            line |= {"reason": one.reason, "start": one.start, "stop": one.stop}
            line["text"] = document.text[one.start : one.stop]
            if one.kept is not None:
                key = key_of(one.kept)
                line["kept"] = {"source": key.source, "id": key.id}
            file.write(line)
            count[f"{one.reason}s_cut"] += 1

        def apply(number: int, document: Document) -> Document | Rejected:
            found = sorted(one for cutter in cutters for one in cutter(number, document))
            if not found:
                return document
            for one in found:
                record(document, one)
            spans = [(one.start, one.stop) for one in found]
            count["documents_cut"] += 1
            count["characters_cut"] += sum(stop - start for start, stop in joined(spans))
            left = cut(document.text, spans)
            shorter = document.with_text(left)
            return shorter if left.strip() else Rejected(shorter, EMPTIED)

        yield apply
    more = {**writer.counts.more, **count}
    writer.counts = writer.counts.model_copy(update={"more": more})
