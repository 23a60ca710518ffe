"""A matcher: one criterion by which documents, or spans in them, are duplicates.

    collect         while every document is read once: store what the matcher needs of each
    match           over what was stored alone: find what repeats
    removed         which documents are removed, and the representative of each
    summarize       what else was found, for the manifest
    spans_to_cut    while every document is read again: the spans to cut out of those that are kept
    transform       after that, other changes of kept documents

Choices:
- Documents are read twice, whatever the number of matchers: they share both readings.
- Documents are identified by their number, over all tasks in order. It is valid only within a run,
  and no decision may depend on it.
- A matcher ignores the documents that matchers before it have removed: otherwise a document could
  be removed for a representative that is removed as well.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lmkit.artifacts.documents_file import Document, Rejected
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter
from lmkit.deduplication.cut_spans import Cutter
from lmkit.deduplication.document_table import DocumentTable
from lmkit.deduplication.removal_table import Removals

Collect = Callable[[Document], None]
Transform = Callable[[int, Document], Document | Rejected]


class Matcher:
    """The defaults of a matcher, which do nothing."""

    reason: str
    """Why documents are removed, in duplicates-*.jsonl.zst; counted as `{reason}_duplicate`."""

    @contextmanager
    def collect(self, writer: TaskWriter) -> Generator[Collect]:
        """Yield a function to call with each document of a task, in order."""
        del writer
        yield lambda _: None

    def match(
        self,
        folder: OutputFolder,
        documents: "DocumentTable",
        workers: int,
        previous: Sequence["Matcher"],
    ) -> None:
        """Find what repeats in all documents, except those that `previous` matchers remove."""

    def summarize(self, folder: OutputFolder) -> dict[str, Any]:
        """Return what the manifest records of what was found."""
        del folder
        return {}

    def removed(self, partial: Path) -> "Removals | None":
        """Return which documents are removed."""
        del partial
        return None

    def duplicates(self, partial: Path) -> "Removals | None":
        """Return which documents are duplicates, including those that are kept and labelled."""
        return self.removed(partial)

    @contextmanager
    def spans_to_cut(self, writer: TaskWriter, documents: "DocumentTable") -> Generator[Cutter]:
        """Yield a function to call with each kept document, as it was read."""
        del writer, documents
        yield lambda _number, _document: ()

    @contextmanager
    def transform(self, writer: TaskWriter, documents: "DocumentTable") -> Generator[Transform]:
        """Yield a function to call with the number and the text of each kept document."""
        del writer, documents
        yield lambda _, document: document


def tables_of(matchers: Sequence[Matcher], partial: Path) -> "list[tuple[str, Removals]]":
    """Return the documents that each matcher removes, with the reason."""
    return [(matcher.reason, table) for matcher in matchers if (table := matcher.removed(partial))]
