"""CSV and TSV: a row is a document, and the first row names the columns (RFC 4180).

Choices:
- What separates, quotes and escapes is an option or found in the first rows
  (`records/csv_dialect.py`); a row that can't be read strictly is listed, never mended.
- A row may span several lines where a quote is open. If that fails (the quote is never closed, or
  the number of columns is wrong), only the line was bad: reading continues with the next one. So a
  stray quote costs one row and not the rest of the file.
- After corrupt data in a compressed file it is unknown whether a row begins where reading
  continues: half a row can look like a complete one. So the first line there is listed, not read.
- A column without a name is called by its number; of columns with the same name, the later ones
  get their number too: no field is lost.
"""

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.json_records import record_document
from lmkit.readers.reader import Request, unreadable
from lmkit.readers.records.csv_dialect import (
    EXCEL,
    BadRow,
    Dialect,
    RowParser,
    detected_delimiter,
    detected_escape,
    rows_of,
)
from lmkit.readers.records.encoded_lines import Encoding, detected, encoded_lines, start_of
from lmkit.readers.records.likely_text_field import cure
from lmkit.storage.byte_lines import Line
from lmkit.storage.byte_ranges import CorruptInput, Range

MAX_LINES = 10_000
"""Lines of one row; a quote that is open for longer is not a quote."""
SAMPLE_LINES = 200
SAMPLE_BYTES = 1 << 16
YES, NO = ("yes",), ("no",)


def read_table(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the documents of the rows of a file."""
    try:
        encoding = detected(start_of(part, source), request)
        lines = encoded_lines(part, source, encoding, request.max_record)
        rows = _Rows(lines, encoding, request)
        header = rows.begin(tab=part.format == "tsv")
        _check_columns(header, request)
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


def _check_columns(header: list[str], request: Request) -> None:
    """Refuse a file without the columns of the text."""
    if request.reading.header == NO and not request.template and request.text_field == "text":
        raise CorruptInput(0, "no names of columns: --text-field must be the number of one")
    for name in request.template.required if request.template else [request.text_field]:
        if header.count(name) > 1:
            raise CorruptInput(0, f"more than one column {name!r}")
        if name not in header:
            known = ", ".join(header)[:200]
            likely = "" if request.template else cure(name, header)
            raise CorruptInput(0, f"no column {name!r}; it has {known}{likely}")


def _text_columns(request: Request) -> list[str]:
    return request.template.fields if request.template else [request.text_field]


class _Rows:
    """The rows of a file, each with its first line; a string instead of a row is an error message.

    Corrupt parts of the file itself are yielded between them, instead of a line.
    """

    def __init__(
        self, source: Iterator[Line | CorruptInput], encoding: Encoding, request: Request
    ) -> None:
        self._source = source
        self._encoding = encoding
        self._request = request
        self._lookahead: deque[Line | CorruptInput] = deque()
        self._dialect = Dialect()
        self._columns = 0

    def begin(self, *, tab: bool) -> list[str]:
        """Find the dialect and return the names of the columns."""
        sample = self._sample()
        first = self._lookahead[0] if self._lookahead else None
        if isinstance(first, CorruptInput):
            raise first
        if first is None or first.data is None:
            raise CorruptInput(0, "no row of column names")
        self._text(first)  # raises where it can't be read
        named = EXCEL.fullmatch(sample[0]) if sample else None
        if named is not None:
            self._next()
            sample = sample[1:]
        self._dialect = self._detected(sample, named[1] if named else None, tab=tab)
        header = self._request.reading.header
        if header == NO:
            widths = Counter(len(row) for row in rows_of(sample, self._dialect)[0])
            (self._columns, _), *_ = widths.most_common(1) or [(1, 0)]
            return [str(number + 1) for number in range(self._columns)]
        names = self._first_row() if header == YES else list(header)
        self._columns = len(names)
        return names

    def _first_row(self) -> list[str]:
        first = self._next()
        if first is None or isinstance(first, CorruptInput):
            raise first or CorruptInput(0, "no row of column names")
        row = self._row(first)
        if isinstance(row, str):
            raise CorruptInput(first.offset, f"the row of column names: {row}")
        names: list[str] = []
        for number, cell in enumerate(row, 1):
            name = cell.strip() or str(number)
            is_new = name not in names or name in _text_columns(self._request)
            names.append(name if is_new else f"{name}.{number}")
        return names

    def _sample(self) -> list[str]:
        """Return the first lines, which are still to be read."""
        size, texts = 0, list[str]()
        while len(self._lookahead) < SAMPLE_LINES and size < SAMPLE_BYTES:
            line = next(self._source, None)
            if line is None:
                break
            if isinstance(line, Line) and not self._lookahead and line.data is not None:
                mark = "\ufeff".encode(self._encoding.name, "ignore")
                line = Line(line.offset, line.record, line.data.removeprefix(mark))
            self._lookahead.append(line)
            if isinstance(line, CorruptInput):
                break
            if line.data is not None and line.data.strip():
                size += len(line.data)
                texts += [self._text_or_nothing(line)]
        return texts

    def _detected(self, sample: list[str], named: str | None, *, tab: bool) -> Dialect:
        reading = self._request.reading
        quoting = reading.quoting == "yes" or (reading.quoting == "auto" and not tab)
        given = None if reading.escape in {"auto", "no"} else reading.escape
        dialect = Dialect("\t" if tab else ",", quoting, given)
        has_header = reading.header == YES
        delimiter = reading.delimiter if reading.delimiter != "auto" else named
        if delimiter is None and not tab:
            column = _text_columns(self._request)[0]
            delimiter = detected_delimiter(sample, dialect, column, header=has_header)
        dialect = Dialect(delimiter or dialect.delimiter, quoting, given)
        if quoting and reading.escape == "auto":
            dialect = Dialect(dialect.delimiter, quoting, detected_escape(sample, dialect))
        return dialect

    def __iter__(self) -> Iterator[tuple[Line | CorruptInput, list[str] | str]]:
        after_damage = False
        while (first := self._next()) is not None:
            if isinstance(first, CorruptInput):
                after_damage = True
                yield first, first.reason
                continue
            if after_damage:
                after_damage = False
                yield first, "after damage: whether a row begins here is unknown"
                continue
            if first.data is not None and not first.data.strip(b" \t\r\n\0"):
                continue
            yield first, self._row(first)

    def _row(self, first: Line) -> list[str] | str:
        """Return the row that begins with a line, without consuming the lines after it."""
        parser = RowParser(self._dialect)
        taken: list[Line | CorruptInput] = []
        line: Line | CorruptInput | None = first
        size, row = 0, "a quote is open to the end"
        try:
            while isinstance(line, Line) and len(taken) < MAX_LINES:
                if line.data is None:
                    row = self._request.too_long if line is first else row
                    break
                size += len(line.data)
                if size > self._request.max_record:
                    break
                if parser.feed(self._text(line)):
                    if not self._columns or len(parser.fields) == self._columns:
                        return parser.fields
                    row = f"{len(parser.fields)} columns, must be {self._columns}"
                    break
                line = self._next()
                if line is not None:
                    taken.append(line)
        except BadRow as error:
            row = str(error)
        except CorruptInput as damage:
            row = damage.reason
        self._lookahead.extendleft(reversed(taken))
        return row

    def _text(self, line: Line) -> str:
        return self._encoding.text(line.data or b"", line.offset)

    def _text_or_nothing(self, line: Line) -> str:
        try:
            return self._text(line)
        except CorruptInput:
            return ""

    def _next(self) -> Line | CorruptInput | None:
        return self._lookahead.popleft() if self._lookahead else next(self._source, None)
