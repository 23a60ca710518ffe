r"""What passes cut out of documents that stay.

    cuts-00000.jsonl.zst    {"id", "source", "reason", "start", "stop", "text", "kept"}

Choices:
- Every cut is recorded, with the text that is gone, where it began and ended (in characters of the
  document as it came in), and the document in which it still stands. Cuts may overlap.
- All passes look at the document as it came in, and it is cut once. What is cut for a first
  occurrence that is itself cut for another still stands there: an occurrence is only ever cut for
  one that ranks before it.
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
    """A piece to cut out of a document."""

    start: int
    stop: int
    reason: str
    kept: int | None
    """The document in which it still stands, if it is cut for that."""


Cutter = Callable[[int, Document], Iterable[Cut]]
"""Returns what to cut out of a document, which has this number."""


@contextmanager
def applying(
    cutters: Sequence[Cutter], writer: TaskWriter, notes: "DocumentTable"
) -> Generator[Callable[[int, Document], Document | Rejected]]:
    """Hand out what cuts documents; it records the cuts, and counts them when all are cut."""
    count: Counter[str] = Counter()
    name_of = lru_cache(4096)(lambda number: notes.names([number])[number])
    with RecordsFile(writer, "cuts") as file:

        def record(document: Document, one: Cut) -> None:
            line: dict[str, Any] = {"id": document.id, "source": document.source}
            line |= {"reason": one.reason, "start": one.start, "stop": one.stop}
            line["text"] = document.text[one.start : one.stop]
            if one.kept is not None:
                name = name_of(one.kept)
                line["kept"] = {"source": name.source, "id": name.id}
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
