"""JSON lines: a line is a document.

Choices:
- A line that can't be read (bad JSON, bad UTF-8, no text, too long) is quarantined by itself; the
  lines around it are kept. Blank lines are nothing.
- `text_field` becomes the text; `id`, `source` and `metadata` are taken over; every other field
  goes into the metadata, so that nothing that a record knows is lost.
"""

import json
import math
from collections.abc import Iterator
from typing import Any, cast

from lmkit.artifacts.documents import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.artifacts.streams import Damaged, Line, Range, lines
from lmkit.readers.places import document_id, first_bytes, place_notes, refuse_binary

BOM = b"\xef\xbb\xbf"
DEEPEST = 100


def read_json_lines(
    part: Slice, source: Range, label: str | None, text_field: str, max_record: int
) -> Iterator[Document | Unreadable]:
    """Yield the documents of the lines that begin in a slice."""
    try:
        refuse_binary(first_bytes(source, part))
        for line in lines(source, part.compression, max_record):
            if line.data is not None and not line.data.strip():
                continue
            try:
                yield _document(part, line, label, text_field, max_record)
            except Damaged as damage:
                where = part.source, part.origin, line.offset, line.record
                yield Unreadable(*where, damage.reason)
    except Damaged as damage:
        yield Unreadable(part.source, part.origin, damage.place, 0, damage.reason)


def _document(
    part: Slice, line: Line, label: str | None, text_field: str, max_record: int
) -> Document:
    if line.data is None:
        raise Damaged(line.offset, f"longer than --max-record ({max_record:,} bytes)")
    fields = _parse(line)
    if text_field not in fields:
        raise Damaged(line.offset, f"no field {text_field!r}")
    text = fields.pop(text_field)
    if not isinstance(text, str):
        raise Damaged(line.offset, f"{text_field!r} is not a text")
    _refuse_what_json_cannot_write(line, list(fields.values()))
    own_source = fields.pop("source") if isinstance(fields.get("source"), str) else None
    source = label or own_source or part.source
    own_id = fields.pop("id") if _is_name(fields.get("id")) else None
    inner = fields.pop("metadata", None)
    metadata: dict[str, Any] = {**place_notes(part, line.offset, line.record), **fields}
    if isinstance(inner, dict):
        metadata |= cast(dict[str, Any], inner)
    elif inner is not None:
        metadata["metadata"] = inner
    if own_id is not None:
        return Document(str(own_id), text, source, metadata)
    record = None if part.compression == "none" else line.record
    key = document_id(source, part.origin, line.offset, record, text)
    return Document(key, text, source, metadata)


def _is_name(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _refuse_what_json_cannot_write(line: Line, values: list[Any]) -> None:
    """Refuse numbers beyond all bounds, and what is nested deeper than other readers take.

    Python's own limit of depth depends on how deep the calls were: on the way that led here.
    """
    for depth in range(DEEPEST + 1):
        if depth == DEEPEST and any(isinstance(value, dict | list) for value in values):
            raise Damaged(line.offset, f"nested deeper than {DEEPEST}")
        inner: list[Any] = []
        for value in values:
            if isinstance(value, dict):
                inner += cast(dict[str, Any], value).values()
            elif isinstance(value, list):
                inner += cast(list[Any], value)
            elif isinstance(value, float) and not math.isfinite(value):
                raise Damaged(line.offset, f"not JSON: the number {value}")
        if not inner:
            return
        values = inner


def _parse(line: Line) -> dict[str, Any]:
    assert line.data is not None
    try:
        fields = json.loads(line.data.removeprefix(BOM).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Damaged(line.offset, f"not UTF-8: {error.reason}") from None
    except (ValueError, RecursionError) as error:
        raise Damaged(line.offset, f"not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise Damaged(line.offset, "not a JSON object")
    return cast(dict[str, Any], fields)
