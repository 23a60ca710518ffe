"""A matcher: one criterion by which documents, or spans in them, are duplicates.

    of              the matcher that the options ask for
    inputs          what it reads in addition to the documents
    prepare         before documents are read
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
- What it stores of each document is declared as columns, and the options that all crawls of an
  index must share are declared too: the crawl index follows from both, and knows no matcher.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from lmkit.artifacts.documents_file import Document, Rejected
from lmkit.artifacts.inputs import Inputs, Slice
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskFiles, TaskWriter
from lmkit.deduplication.columns import Column
from lmkit.deduplication.cut_spans import Cutter
from lmkit.deduplication.document_table import DocumentTable
from lmkit.deduplication.options import MatchOptions
from lmkit.deduplication.removal_table import Removals

Transform = Callable[[int, Document], Document | Rejected]
"""Changes or drops the kept document with this number."""


class Collector(TaskFiles):
    """Stores what a matcher needs of each document of a task; by default nothing."""

    def add(self, document: Document) -> None:
        """Take the next document."""


class Matcher(ABC):
    """A matcher; what it doesn't define does nothing."""

    reason: ClassVar[str]
    """Why documents are removed, in duplicates-*.jsonl.zst; counted as `{reason}_duplicate`."""
    option: ClassVar[str] = ""
    """The option that turns it on."""
    compared: ClassVar[tuple[str, ...]] = ()
    """The options that must be the same for all crawls of an index."""
    works_with_index: ClassVar[bool] = True
    """Whether all that it compares is in its columns, so that a crawl index can hold it."""

    @classmethod
    @abstractmethod
    def of(cls, options: MatchOptions) -> Self | None:
        """Return the matcher, or None if the options don't ask for it."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it stores of each document."""
        return ()

    def inputs(self) -> Inputs | None:
        """Return what it reads in addition to the documents. Raises InputError."""
        return None

    def prepare(self, folder: OutputFolder, slices: Sequence[Slice]) -> None:
        """Read its own inputs, whose slices have the numbers that they have in the plan."""
        del folder, slices

    def collect(self, writer: TaskWriter) -> Collector:
        """Return what takes each document of a task, in order."""
        del writer
        return Collector()

    @abstractmethod
    def match(
        self,
        folder: OutputFolder,
        documents: DocumentTable,
        workers: int,
        previous: Sequence["Matcher"],
    ) -> None:
        """Find what repeats in all documents, except those that `previous` matchers remove."""

    def summarize(self, folder: OutputFolder) -> dict[str, Any]:
        """Return what the manifest records of what was found."""
        del folder
        return {}

    def removed(self, partial: Path) -> Removals | None:
        """Return which documents are removed."""
        del partial
        return None

    def duplicates(self, partial: Path) -> Removals | None:
        """Return which documents are duplicates, including those that are kept and labelled."""
        return self.removed(partial)

    def spans_to_cut(self, writer: TaskWriter, documents: DocumentTable) -> Cutter | None:
        """Return what finds the spans to cut out of each kept document, as it was read."""
        del writer, documents
        return None

    def transform(self, writer: TaskWriter, documents: DocumentTable) -> Transform | None:
        """Return what changes each kept document, after spans were cut."""
        del writer, documents
        return None


def tables_of(matchers: Iterable[Matcher], partial: Path) -> list[tuple[str, Removals]]:
    """Return the documents that each matcher removes, with the reason."""
    return [(matcher.reason, table) for matcher in matchers if (table := matcher.removed(partial))]
