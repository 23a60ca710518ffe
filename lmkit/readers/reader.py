"""The protocol of readers: the request and the outcomes.

Choice: every reader is a function from a slice, its bytes and a request to a stream of outcomes,
so that all can be called, tested and given corrupt input in the same way.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.options import ReaderConfig
from lmkit.readers.provenance import document_id, provenance
from lmkit.readers.records.text_template import TextTemplate
from lmkit.storage.byte_ranges import CorruptInput, Range


@dataclass(frozen=True)
class Request:
    """The options of a reader."""

    label: str | None = None
    """The source of all documents, if one was given."""
    text_field: str = "text"
    template: TextTemplate | None = None
    """What the text is made of instead of a field."""
    max_record: int = 32_000_000
    reading: ReaderConfig = field(default_factory=ReaderConfig)
    counts: Counter[str] = field(default_factory=Counter[str])
    """What readers count besides documents, such as records that are no documents: they add to it,
    and it becomes part of `counts.more` in the manifest."""

    @property
    def too_long(self) -> str:
        """The reason for records over the limit."""
        return f"longer than --max-record ({self.max_record:,} bytes)"


class Reader(Protocol):
    """A function that reads one format."""

    def __call__(
        self, part: Slice, source: Range, request: Request, /
    ) -> Iterator[Document | Unreadable]:
        """Stream the documents that begin in a slice."""
        ...


def new_document(
    part: Slice,
    text: str,
    *,
    offset: int = 0,
    record: int | None = None,
    origin: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> Document:
    """Return a document that has no id of its own.

    `record` is the index of the document in the block at `offset`, if there are blocks; `origin` is
    the record's own URL. Empty metadata are left out.
    """
    if record is None and part.compression != "none":
        record = 0
    origin = origin or part.origin
    location = provenance(part, offset, record or 0)
    if record is not None:
        location["record"] = record
    known = {name: value for name, value in (metadata or {}).items() if value not in (None, "", [])}
    key = document_id(part.source, origin, offset, record, text)
    return Document(key, text, part.source, {**location, "origin": origin, **known})


def unreadable(part: Slice, damage: CorruptInput, record: int = 0) -> Unreadable:
    """Return the quarantine record of corrupt input."""
    return Unreadable(part.source, part.origin, damage.offset, record, damage.reason)


def first_values(pairs: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    """Return the values that aren't empty, the first one for every name."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if value and value.strip():
            found.setdefault(name, value.strip())
    return found
