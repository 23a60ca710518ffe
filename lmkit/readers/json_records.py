"""Records with fields, from any format: JSON lines, tables, data sets.

Choices:
- `text_field`, or what the template makes of several fields, becomes the text; `id`, `source` and
  `metadata` are kept; every other field is added to the metadata, so that no information of a
  record is lost. Only raw bytes (images, audio) are left out: JSON can't represent them. NaN and
  infinite numbers, which it can't either, become null, and are counted.
- A field name with dots refers to a nested field: `message.content`.
"""

import math
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any, cast

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.inputs import Slice
from lmkit.readers.provenance import document_id, provenance
from lmkit.readers.reader import Request
from lmkit.readers.records.likely_text_field import cure
from lmkit.storage.byte_ranges import CorruptInput

MAX_DEPTH = 100


def record_document(
    part: Slice,
    fields: dict[str, Any],
    request: Request,
    offset: int,
    record: int | None,
) -> Document:
    """Return a record as a document; `record` is its index in the block at `offset`, if it has one.

    Raises `CorruptInput` if it has no text, or is nested too deep.
    """
    if request.template is not None:
        text = request.template.fill(fields, offset)
    else:
        text = _take(fields, request.text_field, offset)
        if not isinstance(text, str):
            raise CorruptInput(offset, f"{request.text_field!r} is not a text")
    if fields and _has_infinite_numbers(offset, list(fields.values())):
        request.counts["nan_or_infinity_to_null"] += _without_infinite_numbers(fields)
    record_source = fields.pop("source") if isinstance(fields.get("source"), str) else None
    source = request.label or record_source or part.source
    record_id = fields.pop("id") if _is_name(fields.get("id")) else None
    inner = fields.pop("metadata", None)
    location = provenance(part, offset, record or 0)
    if record is not None:
        location["record"] = record
    metadata: dict[str, Any] = {**location, **fields}
    if isinstance(inner, dict):
        metadata |= cast(dict[str, Any], inner)
    elif inner is not None:
        metadata["metadata"] = inner
    if record_id is not None:
        return Document(str(record_id), text, source, metadata)
    key = document_id(source, part.origin, offset, record, text)
    return Document(key, text, source, metadata)


def has_text(fields: Any, request: Request) -> bool:
    """Return whether a value is a record with the field of the text, or one of the template's."""
    if not isinstance(fields, dict):
        return False
    record = cast(dict[str, Any], fields)
    if request.template is not None:
        return request.template.has_text(record)
    table: Any = record
    if request.text_field in record:
        return True
    for key in request.text_field.split("."):
        if not isinstance(table, dict) or key not in table:
            return False
        table = cast(dict[str, Any], table)[key]
    return True


def plain(value: Any) -> Any:
    """Return the JSON form of a value of a table; None for raw bytes."""
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, dict):
        items = cast(dict[Any, Any], value).items()
        return {str(key): plain(inner) for key, inner in items if not isinstance(inner, bytes)}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in cast(list[Any], value)]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return None if isinstance(value, bytes) else str(value)


def decoded(data: bytes) -> str:
    """Return the text of bytes in UTF-8. Raises `CorruptInput`."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorruptInput(0, f"not UTF-8: {error.reason} at byte {error.start}") from None


def _take(fields: dict[str, Any], name: str, offset: int) -> Any:
    if name in fields:
        return fields.pop(name)
    table: Any = fields
    *outer, last = name.split(".")
    for key in outer:
        table = cast(dict[str, Any], table).get(key) if isinstance(table, dict) else None
    if not isinstance(table, dict) or last not in table:
        strings = [key for key, value in fields.items() if isinstance(value, str)]
        raise CorruptInput(offset, f"no field {name!r}{cure(name, strings)}")
    return cast(dict[str, Any], table).pop(last)


def _is_name(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _has_infinite_numbers(offset: int, values: list[Any]) -> bool:
    """Return whether there are numbers that JSON can't represent.

    Refuse values nested deeper than other readers accept: Python's own recursion limit would depend
    on the call stack.
    """
    found = False
    for depth in range(MAX_DEPTH + 1):
        if depth == MAX_DEPTH and any(isinstance(value, dict | list) for value in values):
            raise CorruptInput(offset, f"nested deeper than {MAX_DEPTH}")
        inner: list[Any] = []
        for value in values:
            if isinstance(value, dict):
                inner += cast(dict[str, Any], value).values()
            elif isinstance(value, list):
                inner += cast(list[Any], value)
            elif isinstance(value, float) and not math.isfinite(value):
                found = True
        if not inner:
            break
        values = inner
    return found


def _without_infinite_numbers(fields: dict[str, Any]) -> int:
    """Replace NaN and infinite numbers by null, and return how many there were."""
    nulls, pending = 0, list[Any]([fields])
    while pending:
        table = pending.pop()
        pairs = enumerate(table) if isinstance(table, list) else table.items()
        for key, value in cast(Iterable[tuple[Any, Any]], pairs):
            if isinstance(value, dict | list):
                pending.append(value)
            elif isinstance(value, float) and not math.isfinite(value):
                table[key] = None
                nulls += 1
    return nulls
