"""A pass of dedup: one sense in which documents repeat, from its notes to its verdicts.

    noting      while every document is read once: what it needs to know of each
    match       over those notes alone: what repeats
    gone        which documents go, and for each the one that stays for it
    told        what else there is to say about it
    cutting     while every document is read again: the pieces to cut out of those that stay
    changing    then, what else becomes of those

Choices:
- Documents are read twice, whatever the number of passes: they share both readings.
- Documents go by their number, over all tasks in order. It only names them within a run, and what
  is decided must not depend on it.
- A pass looks only at what those before it have left: or a document could go for one that goes.
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

Note = Callable[[Document], None]
Change = Callable[[int, Document], Document | Rejected]


class Matcher:
    """What a pass does if it doesn't say otherwise: nothing."""

    reason: str
    """Why documents go, in duplicates-*.jsonl.zst; they are counted as `{reason}_duplicate`."""

    @contextmanager
    def noting(self, writer: TaskWriter) -> Generator[Note]:
        """Hand out what is called with each document of a task, in order."""
        del writer
        yield lambda _: None

    def match(
        self,
        folder: OutputFolder,
        notes: "DocumentTable",
        workers: int,
        before: Sequence["Matcher"],
    ) -> None:
        """Find what repeats in the notes of all, without what passes before leave out."""

    def told(self, folder: OutputFolder) -> dict[str, Any]:
        """Return what the manifest should say of what was found."""
        del folder
        return {}

    def gone(self, partial: Path) -> "Removals | None":
        """Return which documents go."""
        del partial
        return None

    def found(self, partial: Path) -> "Removals | None":
        """Return which documents repeat others, also where all stay."""
        return self.gone(partial)

    @contextmanager
    def cutting(self, writer: TaskWriter, notes: "DocumentTable") -> Generator[Cutter]:
        """Hand out what is called with each document that stays, as it came in."""
        del writer, notes
        yield lambda _number, _document: ()

    @contextmanager
    def changing(self, writer: TaskWriter, notes: "DocumentTable") -> Generator[Change]:
        """Hand out what is called with each document that stays: its number, and itself."""
        del writer, notes
        yield lambda _, document: document


def tables_of(passes: Sequence[Matcher], partial: Path) -> "list[tuple[str, Removals]]":
    """Return the documents that go by each pass, with the reason."""
    return [(each.reason, table) for each in passes if (table := each.gone(partial))]
