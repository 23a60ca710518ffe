"""The two readings of all documents, which the matchers share.

The first stores what each matcher needs of every document. The second writes the documents that are
kept, changed as the matchers decide, and lists the others.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from lmkit.artifacts.documents_file import (
    Document,
    Outcome,
    Rejected,
    Unreadable,
    write_outcomes,
)
from lmkit.artifacts.inputs import Slice
from lmkit.artifacts.options import DocumentFormat
from lmkit.artifacts.tasks import ReadRange, TaskWriter
from lmkit.deduplication.clusters.cluster_counts import Example
from lmkit.deduplication.cut_spans import CutDocuments
from lmkit.deduplication.document_table import DocumentKeysFile, DocumentTable
from lmkit.deduplication.duplicates_file import Duplicate, write_duplicates
from lmkit.deduplication.examples import ExampleCollector
from lmkit.deduplication.keep_policy import location_of
from lmkit.deduplication.matcher import Matcher, Transform, tables_of
from lmkit.deduplication.options import KeepConfig
from lmkit.deduplication.removal_table import NO_REPRESENTATIVE, Verdicts
from lmkit.errors import LmkitError

Read = Callable[[Slice, list[ReadRange]], Iterator[Document | Unreadable]]
"""Reads the documents of a slice, and records what was read."""
Slices = tuple[Slice, ...]


@dataclass(frozen=True)
class CollectDocuments:
    """The task of the first reading."""

    read: Read
    keep: KeepConfig
    matchers: Sequence[Matcher]

    def __call__(self, slices: Slices, writer: TaskWriter) -> None:
        """Store the keys of the documents, and what the matchers need."""
        with ExitStack() as stack:
            add_key = stack.enter_context(DocumentKeysFile(self.keep, writer)).add
            add_to_all = [
                stack.enter_context(matcher.collect(writer)).add for matcher in self.matchers
            ]
            for part in slices:
                path = part.path
                for document in self.read(part, writer.read):
                    if isinstance(document, Document):
                        add_key(document, path)
                        for add in add_to_all:
                            add(document)


@dataclass(frozen=True)
class WriteDocuments:
    """The task of the second reading."""

    read: Read
    matchers: Sequence[Matcher]
    documents: DocumentTable
    examples: Sequence[Example]
    """Pairs of documents to show, whose texts are collected."""
    output_format: DocumentFormat = "jsonl.zst"

    def __call__(self, slices: Slices, writer: TaskWriter) -> None:
        """Write the documents that are kept, and the list of those that are removed."""
        cutters = [matcher.spans_to_cut(writer, self.documents) for matcher in self.matchers]
        changes = [matcher.transform(writer, self.documents) for matcher in self.matchers]
        with CutDocuments([each for each in cutters if each], writer, self.documents) as cut:
            transforms = [cut.apply, *(change for change in changes if change)]
            reading = _SecondReading(self, transforms, writer)
            outcomes = reading.outcomes(slices)
            write_outcomes(writer, outcomes, lambda _: False, self.output_format)
        reading.finish(slices)


class _SecondReading:
    """What is decided of each document of a task, and what is collected on the way."""

    def __init__(
        self, task: WriteDocuments, transforms: Sequence[Transform], writer: TaskWriter
    ) -> None:
        self._task = task
        self._transforms = transforms
        self._writer = writer
        self._number, self._stop = task.documents.of_task(writer.number)
        tables = tables_of(task.matchers, writer.partial)
        self._verdicts = Verdicts(tables, self._number, self._stop)
        self._duplicates: list[Duplicate] = []
        self._examples = ExampleCollector(task.examples)

    def outcomes(self, slices: Slices) -> Iterator[Outcome]:
        """Read the documents; yield what becomes of each."""
        for part in slices:
            for document in self._task.read(part, self._writer.read):
                if isinstance(document, Unreadable):
                    yield document
                else:
                    yield self._outcome(self._number, document)
                    self._number += 1

    def _outcome(self, number: int, document: Document) -> Outcome:
        self._examples.add(number, document)
        reason = self._verdicts.reason(number)
        if reason is None:
            return self._transformed(number, document)
        kept, similarity = self._verdicts.representative(number)
        if kept == NO_REPRESENTATIVE:
            return Rejected(document, reason)
        named = document.id, document.source, reason
        self._duplicates.append(Duplicate(*named, kept, similarity, location_of(document)))
        return Rejected(document, f"{reason}_duplicate")

    def _transformed(self, number: int, document: Document) -> Document | Rejected:
        """Apply the transforms of all matchers to a document that is kept."""
        outcome: Document | Rejected = document
        for transform in self._transforms:
            if isinstance(outcome, Document):
                outcome = transform(number, outcome)
        return outcome

    def finish(self, slices: Slices) -> None:
        """Write what was collected. Raises LmkitError if there were other documents than before."""
        if self._number != self._stop:
            raise LmkitError(
                f"{slices[0].path}: it changed while it was read", "run the same again"
            )
        write_duplicates(self._duplicates, self._task.documents, self._examples, self._writer)
        self._examples.write_facts(self._writer)
