"""JSON lines: a line is a document.

Choices:
- An unreadable line (bad JSON, bad UTF-8, no text, too long) is quarantined alone; the lines around
  it are kept. Blank lines are ignored.
- A file that is called so, but is a list, or an object over several lines, is read as that
  (`records/json_files.py`).
"""

from collections.abc import Iterator
from typing import Any, cast

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.json_records import record_document
from lmkit.readers.reader import Request, unreadable
from lmkit.readers.records.encoded_lines import UTF8, Encoding, detected, encoded_lines, start_of
from lmkit.readers.records.json_files import read_json
from lmkit.storage.byte_lines import Line
from lmkit.storage.byte_ranges import CorruptInput, Range
from lmkit.storage.json_bytes import from_json

BOM = b"\xef\xbb\xbf"


def read_json_lines(
    part: Slice, source: Range, request: Request
) -> Iterator[Document | Unreadable]:
    """Yield the documents of the lines that begin in a slice."""
    try:
        start = start_of(part, source)
        encoding = detected(start, request)
        if is_one_value(start.decode(encoding.name, "ignore").removeprefix("\ufeff")):
            if source.start == 0:
                yield from read_json(part, source, request)
            return
        blank = None if encoding.name == UTF8 else b" \t\r\n\v\f\0"
        for line in encoded_lines(part, source, encoding, request.max_record):
            if isinstance(line, CorruptInput):
                yield unreadable(part, line)
                continue
            if line.data is not None and not line.data.strip(blank):
                continue
            try:
                record = None if part.compression == "none" else line.record
                fields = _parse(line, encoding, request)
                yield record_document(part, fields, request, line.offset, record)
            except CorruptInput as damage:
                yield unreadable(part, CorruptInput(line.offset, damage.reason), line.record)
    except CorruptInput as damage:
        yield unreadable(part, damage)


def is_one_value(start: str) -> bool:
    r"""Return whether a file with this start is a list, or an object over several lines.

    >>> is_one_value('[{"text": "a"},\n{'), is_one_value('{\n "text"'), is_one_value('{"a": 1}')
    (True, True, False)
    """
    first, _, rest = start.lstrip().partition("\n")
    if not first.startswith("["):
        return first.rstrip() == "{"
    return not (first.rstrip().endswith("]") and rest.lstrip().startswith(("{", "[")))


def _parse(line: Line, encoding: Encoding, request: Request) -> dict[str, Any]:
    data = line.data
    if data is None:
        raise CorruptInput(line.offset, request.too_long)
    if encoding.name != UTF8:
        data = encoding.text(data, line.offset).encode("utf-8", "surrogatepass")
    try:
        fields = from_json(data.removeprefix(BOM))
    except UnicodeDecodeError as error:
        raise CorruptInput(line.offset, f"not UTF-8: {error.reason}") from None
    except (ValueError, RecursionError) as error:
        raise CorruptInput(line.offset, f"not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise CorruptInput(line.offset, "not a JSON object")
    return cast(dict[str, Any], fields)
