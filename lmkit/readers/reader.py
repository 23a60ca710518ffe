"""What a reader is asked for, and how it answers.

Choice: every reader is a function from a slice, its bytes and a request to a stream of outcomes,
so that they can all be called, tested and damaged in the same way.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.options import ReaderConfig
from lmkit.readers.provenance import document_id, provenance
from lmkit.storage.byte_ranges import CorruptInput, Range


@dataclass(frozen=True)
class Request:
    """What a person said about the reading."""

    label: str | None = None
    """The source of all documents, where one was given."""
    text_field: str = "text"
    max_record: int = 32_000_000
    reading: ReaderConfig = field(default_factory=ReaderConfig)

    @property
    def too_long(self) -> str:
        """The reason for what is over the limit."""
        return f"longer than --max-record ({self.max_record:,} bytes)"


class Reader(Protocol):
    """A function that reads one format."""

    def __call__(
        self, part: Slice, source: Range, request: Request, /
    ) -> Iterator[Document | Unreadable]:
        """Stream what begins in a slice."""
        ...


def new_document(
    part: Slice,
    text: str,
    *,
    offset: int = 0,
    record: int | None = None,
    origin: str | None = None,
    notes: dict[str, Any] | None = None,
) -> Document:
    """Return a document that has no id of its own.

    `record` counts documents within the block at `offset`, where there are blocks; `origin` is
    the record's own address. Notes that are empty are left out.
    """
    if record is None and part.compression != "none":
        record = 0
    origin = origin or part.origin
    place = provenance(part, offset, record or 0)
    if record is not None:
        place["record"] = record
    known = {name: value for name, value in (notes or {}).items() if value not in (None, "", [])}
    key = document_id(part.source, origin, offset, record, text)
    return Document(key, text, part.source, {**place, "origin": origin, **known})


def unreadable(part: Slice, damage: CorruptInput, record: int = 0) -> Unreadable:
    """Return the note that is kept of what couldn't be read."""
    return Unreadable(part.source, part.origin, damage.offset, record, damage.reason)


def notes_of_meta(pairs: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    """Return what is known, with the first value for each name."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if value and value.strip():
            found.setdefault(name, value.strip())
    return found
