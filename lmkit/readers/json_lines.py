"""JSON lines: a line is a document.

Choice: an unreadable line (bad JSON, bad UTF-8, no text, too long) is quarantined alone; the lines
around it are kept. Blank lines are ignored.
"""

from collections.abc import Iterator
from typing import Any, cast

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.json_records import record_document
from lmkit.readers.provenance import first_bytes, refuse_binary
from lmkit.readers.reader import Request, unreadable
from lmkit.storage.byte_lines import Line, lines_around_damage
from lmkit.storage.byte_ranges import CorruptInput, Range
from lmkit.storage.json_bytes import from_json

BOM = b"\xef\xbb\xbf"


def read_json_lines(
    part: Slice, source: Range, request: Request
) -> Iterator[Document | Unreadable]:
    """Yield the documents of the lines that begin in a slice."""
    try:
        refuse_binary(first_bytes(source, part))
        for line in lines_around_damage(source, part.compression, request.max_record):
            if isinstance(line, CorruptInput):
                yield unreadable(part, line)
                continue
            if line.data is not None and not line.data.strip():
                continue
            try:
                record = None if part.compression == "none" else line.record
                yield record_document(part, _parse(line, request), request, line.offset, record)
            except CorruptInput as damage:
                yield unreadable(part, CorruptInput(line.offset, damage.reason), line.record)
    except CorruptInput as damage:
        yield unreadable(part, damage)


def _parse(line: Line, request: Request) -> dict[str, Any]:
    if line.data is None:
        raise CorruptInput(line.offset, request.too_long)
    try:
        fields = from_json(line.data.removeprefix(BOM))
    except UnicodeDecodeError as error:
        raise CorruptInput(line.offset, f"not UTF-8: {error.reason}") from None
    except (ValueError, RecursionError) as error:
        raise CorruptInput(line.offset, f"not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise CorruptInput(line.offset, "not a JSON object")
    return cast(dict[str, Any], fields)
