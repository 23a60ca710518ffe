"""A document, and what may become of what should have been one.

Choice: no imports beyond the standard library, so that rule sets and plugins, whose options
`--help` reads, can name these types.
"""

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Document:
    """One text and its metadata."""

    id: str
    text: str
    source: str
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def size(self) -> int:
        """Characters of the text."""
        return len(self.text)

    def with_text(self, text: str) -> "Document":
        """Return the same document with another text."""
        return Document(self.id, text, self.source, self.metadata)  # faster than `replace`

    def truncated(self, size: int) -> "Document":
        """Return a document with only its first characters."""
        return replace(self, text=self.text[:size])

    def record(self) -> dict[str, Any]:
        """Return the JSON object of its line."""
        return {
            "id": self.id,
            "text": self.text,
            "source": self.source,
            "metadata": self.metadata,
        }


@dataclass(frozen=True)
class Rejected:
    """The outcome of a document that is not kept."""

    document: Document
    reason: str
    decided: str | None = None
    """The reason with the value that decided, and its limit."""


CURE = "; try --text-field "
"""What stands in a reason before the field that is likely to hold the text."""


def cure_of(reason: str) -> str | None:
    """Return the option in a reason that would cure it, if one is known.

    >>> cure_of("no field 'text', at byte 0; try --text-field content")
    '--text-field content'
    """
    _, found, field = reason.rpartition(CURE)
    return found.removeprefix("; try ") + field if found else None


@dataclass(frozen=True)
class Unreadable:
    """Something that should have been a document."""

    source: str
    origin: str
    offset: int
    record: int
    reason: str


Outcome = Document | Rejected | Unreadable
