"""CSV and TSV: a row is a document, and the first row names the columns (RFC 4180).

Choices:
- A row may span several lines where a quote is open. If that fails (the quote is never closed, or
  the number of columns is wrong), only the line was bad: reading continues with the next one. So a
  stray quote costs one row and not the rest of the file.
- After corrupt data in a compressed file it is unknown whether a row begins where reading
  continues: half a row can look like a complete one. So the first line there is listed, not read.
- A .csv with semicolons, as spreadsheets write it where the comma is a decimal point, is read too.
"""

import csv
from collections import deque
from collections.abc import Iterator
from typing import Any

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.json_lines import BOM
from lmkit.readers.json_records import record_document
from lmkit.readers.provenance import first_bytes, refuse_binary
from lmkit.readers.reader import Request, unreadable
from lmkit.storage.byte_lines import Line, lines_around_damage
from lmkit.storage.byte_ranges import CorruptInput, Range

MAX_LINES = 10_000
"""Lines of one row; a quote that is open for longer is not a quote."""


def read_table(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the documents of the rows of a file."""
    csv.field_size_limit(max(request.max_record, 1))
    try:
        refuse_binary(first_bytes(source, part))
        lines = lines_around_damage(source, part.compression, request.max_record)
        rows = _Rows(lines, request)
        header = rows.header("\t" if part.format == "tsv" else None)
        if request.text_field.split(".")[0] not in header:
            known = ", ".join(header)[:200]
            raise CorruptInput(0, f"no column {request.text_field!r}; it has {known}")
        for line, row in rows:
            if isinstance(line, CorruptInput):
                yield unreadable(part, line)
                continue
            if isinstance(row, str):
                yield unreadable(part, CorruptInput(line.offset, row), line.record)
                continue
            fields: dict[str, Any] = dict(zip(header, row, strict=True))
            record = None if part.compression == "none" else line.record
            try:
                yield record_document(part, fields, request, line.offset, record)
            except CorruptInput as damage:
                yield unreadable(part, damage, line.record)
    except CorruptInput as damage:
        yield unreadable(part, damage)


class _Rows:
    """The rows of a file, each with its first line; a string instead of a row is an error message.

    Corrupt parts of the file itself are yielded between them, instead of a line.
    """

    def __init__(self, source: Iterator[Line | CorruptInput], request: Request) -> None:
        self._source = source
        self._request = request
        self._lookahead: deque[Line | CorruptInput] = deque()
        self._delimiter = ","
        self._columns = 0

    def header(self, delimiter: str | None) -> list[str]:
        """Read the first row."""
        first = self._next()
        if isinstance(first, CorruptInput):
            raise first
        if first is None or first.data is None:
            raise CorruptInput(0, "no row of column names")
        data = first.data.removeprefix(BOM)
        semicolons = delimiter is None and b"," not in data and b";" in data
        self._delimiter = delimiter or (";" if semicolons else ",")
        row = self._parse([Line(first.offset, first.record, data)])
        if isinstance(row, str):
            raise CorruptInput(0, row)
        self._columns = len(row)
        return [name.strip() for name in row]

    def __iter__(self) -> Iterator[tuple[Line | CorruptInput, list[str] | str]]:
        after_damage = False
        while (first := self._next()) is not None:
            if isinstance(first, CorruptInput):
                after_damage = True
                yield first, first.reason
                continue
            if after_damage:
                after_damage = False
                yield first, "behind damage: nobody knows whether a row begins here"
                continue
            if first.data is not None and not first.data.strip():
                continue
            yield first, self._row(first)

    def _row(self, first: Line) -> list[str] | str:
        """Return the row that begins with a line, without consuming the lines after it."""
        if first.data is None:
            return self._request.too_long
        taken, size, opened = [first], len(first.data), first.data.count(b'"') % 2 == 1
        following: list[CorruptInput] = []
        while opened and size <= self._request.max_record and len(taken) < MAX_LINES:
            line = self._next()
            if line is None:
                break
            if isinstance(line, CorruptInput):
                following.append(line)
                break
            taken.append(line)
            if line.data is None:
                break
            size += len(line.data)
            opened ^= line.data.count(b'"') % 2 == 1
        row = "a quote is open to the end" if opened else self._parse(taken)
        if not isinstance(row, str) and len(row) != self._columns:
            row = f"{len(row)} columns, must be {self._columns}"
        if isinstance(row, str):
            self._lookahead.extendleft(reversed([*taken[1:], *following]))
        return row

    def _parse(self, taken: list[Line]) -> list[str] | str:
        try:
            text = b"\n".join(line.data or b"" for line in taken).decode("utf-8")
            rows = list(csv.reader([text.removesuffix("\r")], delimiter=self._delimiter))
        except UnicodeDecodeError as error:
            return f"not UTF-8: {error.reason}"
        except csv.Error as error:
            return f"not a row: {error}"
        return rows[0] if rows else []

    def _next(self) -> Line | CorruptInput | None:
        return self._lookahead.popleft() if self._lookahead else next(self._source, None)
