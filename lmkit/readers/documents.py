"""Every document of a slice, whatever its format.

Choices:
- What can't be read is an outcome like any other, and the records around it are kept. The
  unreadable rest of a file counts as one.
- A document's id is its own, or a hash of where it lies and what it says; never of how the work
  was cut.
- `source` is the record's own unless a person gave one.
"""

from collections.abc import Iterator
from typing import Any

from lmkit.artifacts.documents import Document, Unreadable, read_shard
from lmkit.artifacts.inputs import Slice, opened
from lmkit.artifacts.tasks import ReadRange
from lmkit.readers.json_lines import read_json_lines
from lmkit.readers.plain_text import read_plain_text


def read_slice(
    part: Slice,
    read_ranges: list[ReadRange],
    *,
    source: str | None = None,
    text_field: str = "text",
    max_record: int,
) -> Iterator[Document | Unreadable]:
    """Stream the documents of a slice; note in `read_ranges` what was read."""
    try:
        yield from _read(part, read_ranges, source, text_field, max_record)
    except PermissionError as error:
        reason = f"cannot be read: {error.strerror}"
        yield Unreadable(part.source, part.origin, part.start, 0, reason)


def _read(
    part: Slice,
    read_ranges: list[ReadRange],
    source: str | None,
    text_field: str,
    max_record: int,
) -> Iterator[Document | Unreadable]:
    for opened_range in opened(part, read_ranges):
        if part.format == "documents":
            for document in read_shard(opened_range, part.path):
                yield _relabelled(document, source)
        elif part.format == "jsonl":
            yield from read_json_lines(part, opened_range, source, text_field, max_record)
        else:
            yield from read_plain_text(part, opened_range, max_record)


def _relabelled(document: Document, source: str | None) -> Document:
    if source is None or source == document.source:
        return document
    values: dict[str, Any] = {**vars(document), "source": source}
    return Document(**values)
