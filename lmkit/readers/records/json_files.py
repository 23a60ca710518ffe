"""JSON that isn't a record a line: lists of records, objects over several lines, wrapped records.

Choices:
- A file holds lists and objects, one after the other. An object is a record if it has the text
  field; else its only list of objects holds the records, as in `{"data": [...]}`. `--read.records`
  names that list where there are several. The other fields of the object belong to no document.
- A text in a list is a document.
- Records are read one by one (`json_values.py`): a list of any length takes the memory of one.
- An object over the limit is searched for its lists without being held.
"""

from collections.abc import Iterator
from typing import Any, cast

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.json_records import has_text, record_document
from lmkit.readers.reader import Request, unreadable
from lmkit.readers.records.encoded_lines import detected, start_of
from lmkit.readers.records.json_values import JsonValues, next_name, parsed
from lmkit.storage.byte_ranges import CorruptInput, Range

WRAPPERS = {"data", "rows", "items", "records", "documents", "results", "examples", "docs"}
"""Names that lists of records have; they decide where an object has several lists of objects."""
MAX_NAME = 10_000
DEEPEST = 3
Path = tuple[str, ...]
Outcomes = Iterator[Document | Unreadable]


def read_json(part: Slice, source: Range, request: Request) -> Outcomes:
    """Yield the documents of a file."""
    try:
        encoding = detected(start_of(part, source), request)
        values = JsonValues(part, source, encoding)
        while mark := values.peek():
            if mark == ",":  # objects that were a list once
                values.step()
            elif mark == "[":
                yield from _elements(part, values, request)
            elif mark == "{":
                yield from _object(part, values, request)
            else:
                offset = values.stored()
                value = parsed(values.take(request.max_record) or b"", offset)
                reason = f"not a JSON object: {type(value).__name__}"
                yield unreadable(part, CorruptInput(offset, reason))
    except CorruptInput as damage:
        yield unreadable(part, damage)


def _elements(part: Slice, values: JsonValues, request: Request) -> Outcomes:
    """Yield the documents of the list that begins here, and read to its end."""
    opened = values.stored()
    values.step()
    while (mark := values.peek()) != "]":
        if mark == ",":
            values.step()
            continue
        if not mark:
            raise CorruptInput(opened, "truncated: the list has no end")
        offset, record = values.location()
        data = values.take(request.max_record)
        if data == b"":
            raise CorruptInput(offset, f"not JSON: {mark!r} in a list")
        yield _outcome(part, data, request, offset, record)
    values.step()


def _outcome(
    part: Slice, data: bytes | None, request: Request, offset: int, record: int | None
) -> Document | Unreadable:
    try:
        if data is None:
            raise CorruptInput(offset, request.too_long)
        value = parsed(data, offset)
        if isinstance(value, str) and not request.template:
            value = {request.text_field: value}
        if not isinstance(value, dict):
            raise CorruptInput(offset, "not a JSON object")
        return record_document(part, cast(dict[str, Any], value), request, offset, record)
    except CorruptInput as damage:
        return unreadable(part, CorruptInput(offset, damage.reason), record or 0)


def _object(part: Slice, values: JsonValues, request: Request) -> Outcomes:
    """Yield the document of the object that begins here, or those of its list; read to its end."""
    start, stored = values.here, values.stored()
    data = values.take(request.max_record)
    try:
        if data is not None:
            fields = parsed(data, stored)
            is_record = request.reading.records is None and has_text(fields, request)
            path = None if is_record else _chosen(list(_lists(fields)), request, fields, stored)
        else:
            found = list(_lists_of_long_object(values.again(start), request))
            path = _chosen(found, request, {}, stored)
    except CorruptInput as damage:
        yield unreadable(part, CorruptInput(stored, damage.reason))
        return
    if path is None:
        values_at = values if data is not None and values.back_to(start) else None
        offset, record = (values_at or values).location()
        if values_at:
            values.take(request.max_record)
        yield _outcome(part, data, request, offset, record)
        return
    if data is not None and values.back_to(start):
        yield from _listed(part, values, path, request)
    else:
        yield from _listed(part, values.again(start), path, request)


def _listed(part: Slice, values: JsonValues, path: Path, request: Request) -> Outcomes:
    """Yield the documents of a list in the object that begins here; read to the object's end."""
    for depth, wanted in enumerate(path, 1):
        values.peek()
        values.step()
        while (name := next_name(values, MAX_NAME)) != wanted:
            if name is None:
                raise CorruptInput(values.stored(), f"no list {'.'.join(path)!r}")
            values.take(0)
        if values.peek() != ("[" if depth == len(path) else "{"):
            raise CorruptInput(values.stored(), f"no list {'.'.join(path)!r}")
    yield from _elements(part, values, request)
    values.leave(len(path))


def _lists(fields: Any, above: Path = ()) -> Iterator[tuple[Path, bool]]:
    """Yield the paths of the lists of objects in an object, and whether they are empty."""
    if not isinstance(fields, dict) or len(above) >= DEEPEST:
        return
    for name, value in cast(dict[str, Any], fields).items():
        if isinstance(value, list):
            rows = cast(list[Any], value)
            if not rows or isinstance(rows[0], dict):
                yield (*above, name), not rows
        else:
            yield from _lists(value, (*above, name))


def _lists_of_long_object(
    values: JsonValues, request: Request, above: Path = ()
) -> Iterator[tuple[Path, bool]]:
    """Yield the same of the object that begins here."""
    values.peek()
    values.step()
    while (name := next_name(values, MAX_NAME)) is not None:
        if not above and request.reading.records is None and name == request.text_field:
            raise CorruptInput(values.stored(), request.too_long)  # a record
        mark = values.peek()
        if mark == "[":
            values.step()
            first = values.peek()
            if first in {"{", "]"}:
                yield (*above, name), first == "]"
            values.leave(1)
        elif mark == "{" and len(above) + 1 < DEEPEST:
            yield from _lists_of_long_object(values, request, (*above, name))
        else:
            values.take(0)


def _chosen(
    found: list[tuple[Path, bool]], request: Request, fields: Any, offset: int
) -> Path | None:
    """Return the list that holds the records, None if the object is a record."""
    if request.reading.records is not None:
        return tuple(request.reading.records.split("."))
    lists = [path for path, is_empty in found if not is_empty]
    named = [path for path in lists if path[-1] in WRAPPERS] or [
        path for path, _ in found if path[-1] in WRAPPERS and not lists
    ]
    for candidates in (lists, named, [path for path in named if len(path) == 1]):
        if len(candidates) == 1:
            return candidates[0]
    if lists:
        names = ", ".join(".".join(path) for path in lists)[:200]
        reason = f"no field {request.text_field!r}, and several lists: name one by --read.records"
        raise CorruptInput(offset, f"{reason} ({names})")
    if not fields:
        raise CorruptInput(offset, request.too_long)
    return None
