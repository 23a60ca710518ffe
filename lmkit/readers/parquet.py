"""Parquet and Arrow: a row is a document.

Choices:
- A task reads the row groups that begin in its slice, so a big Parquet file is divided between
  tasks: by the sizes of the groups, since their offsets can't be requested safely before they are
  read.
- Rows are read in small batches, smaller if they are long on average, and a row group is not read
  before it is needed: it may be a gigabyte. But a page is held completely: the format has nothing
  smaller, and pyarrow writes up to 1,024 rows in one.
- The location of a row is the byte offset of its row group, and its index in it. (In an Arrow file
  it would be that of its record batch, which pyarrow doesn't expose: they count as one block at 0.)
- Arrow reads the numbers in a file without checks, and a wrong one ends the process: rows are
  validated first.
- An unreadable row group is one record in quarantine; the others are read.
- Documents that lmkit wrote are read as they were, with their metadata.
- A column of bytes is read as UTF-8 where it is the text: Hive, Impala and others write text so,
  without its type. The zeros that pad values of a fixed size are no text.
"""

from collections.abc import Iterator
from itertools import accumulate, chain
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.documents_parquet import has_documents, restored
from lmkit.artifacts.inputs import Slice
from lmkit.readers.json_records import plain, record_document
from lmkit.readers.reader import Request, unreadable
from lmkit.readers.records.likely_text_field import cure
from lmkit.readers.records.text_columns import is_text, readable, text_columns
from lmkit.storage.byte_ranges import CorruptInput, Range

BATCH_ROWS = 256
BATCH_BYTES = 8 << 20
STEP = 1 << 20
# pyarrow raises OSError for errors of zlib or Thrift.
ERRORS = (pa.ArrowException, OSError, ValueError, UnicodeDecodeError)


def read_parquet(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the documents of the row groups that begin in a slice."""
    try:
        file = pq.ParquetFile(pa.PythonFile(source, "r"), buffer_size=STEP)
        _check_column(file.schema_arrow, request)
        groups = [file.metadata.row_group(n) for n in range(file.num_row_groups)]
        starts = _virtual_offsets(groups, part.size)
    except CorruptInput as damage:
        if source.start == 0:  # one task reports it
            yield unreadable(part, damage)
        return
    except ERRORS as error:
        if source.start == 0:
            yield unreadable(part, CorruptInput(0, f"not a Parquet file: {_first_line(error)}"))
        return
    with file:
        for number, (group, start) in enumerate(zip(groups, starts, strict=True)):
            if not source.start <= start < source.stop:
                continue
            rows = BATCH_BYTES * group.num_rows // max(1, group.total_byte_size)
            rows = min(max(1, rows), BATCH_ROWS)
            batches = file.iter_batches(rows, row_groups=[number], use_threads=False)
            try:
                first = next(batches, None)
                offset = _offset(group)
            except ERRORS as error:
                yield unreadable(part, CorruptInput(start, f"damaged: {_first_line(error)}"))
                continue
            if first is not None:
                yield from _documents(part, request, chain([first], batches), offset)


def read_arrow(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the documents of a file in Arrow's stream or file format."""
    with pa.PythonFile(source, "r") as stream:
        try:
            is_file = source.read(6) == b"ARROW1"
            source.seek(0)
            reader = pa.ipc.open_file(stream) if is_file else pa.ipc.open_stream(stream)
            _check_column(reader.schema, request)
        except CorruptInput as damage:
            yield unreadable(part, damage)
            return
        except ERRORS as error:
            yield unreadable(part, CorruptInput(0, f"not an Arrow file: {_first_line(error)}"))
            return
        batches = _batches_of_file(reader) if is_file else _batches_of_stream(reader, source)
        yield from _documents(part, request, _pieces(batches), 0)


def _batches_of_file(reader: Any) -> Iterator[Any]:
    """Yield the batches of a file, and errors instead of unreadable ones."""
    for number in range(reader.num_record_batches):
        try:
            batch = reader.get_batch(number)
        except ERRORS as error:
            batch = error
        yield batch


def _batches_of_stream(reader: Any, source: Range) -> Iterator[Any]:
    """Yield the batches of a stream, likewise; reading continues after unreadable ones."""
    while True:
        before = source.position
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except ERRORS as error:
            yield error
            if source.position == before:
                return
            continue
        yield batch


def _pieces(batches: Iterator[Any]) -> Iterator[Any]:
    for batch in batches:
        if isinstance(batch, Exception):
            yield batch
            continue
        for start in range(0, batch.num_rows, BATCH_ROWS):
            yield batch.slice(start, BATCH_ROWS)


def _documents(
    part: Slice, request: Request, batches: Iterator[Any], offset: int
) -> Iterator[Document | Unreadable]:
    """Yield the documents of batches; an error among them stands for unreadable rows."""
    record = 0
    try:
        for batch in batches:
            if isinstance(batch, Exception):
                damage = CorruptInput(offset, f"damaged: {_first_line(batch)}")
                yield unreadable(part, damage, record)
                record += 1
                continue
            for row in _rows(batch, request):
                try:
                    if isinstance(row, CorruptInput):
                        raise CorruptInput(offset, row.reason)
                    if isinstance(row, Exception):
                        what = "not UTF-8" if "utf" in str(row).lower() else "damaged"
                        raise CorruptInput(offset, f"{what}: {_first_line(row)}")
                    text = row.get(request.text_field)
                    if (
                        isinstance(text, str)
                        and len(text.encode("utf-8", "surrogatepass")) > request.max_record
                    ):
                        raise CorruptInput(offset, request.too_long)
                    yield record_document(part, row, request, offset, record)
                except CorruptInput as damage:
                    yield unreadable(part, damage, record)
                record += 1
    except ERRORS as error:
        yield unreadable(part, CorruptInput(offset, f"damaged: {_first_line(error)}"), record)


def _rows(batch: Any, request: Request) -> Iterator[dict[str, Any] | Exception]:
    """Yield the rows of a batch; if one can't be read, only that one is lost."""
    columns = text_columns(batch.schema, request)
    written_here = has_documents(batch.schema)
    try:
        batch.validate(full=True)
        rows = batch.to_pylist()
    except (ValueError, OverflowError, KeyError):  # pytz raises KeyError for a time zone
        rows = None
    for number in range(batch.num_rows):
        try:
            row = rows[number] if rows else _row(batch.slice(number, 1))
            row = restored(row) if written_here else row
            for column in columns:
                column.check(row)
            row = readable(row, columns)
            yield {name: plain(value) for name, value in row.items() if type(value) is not bytes}
        except (ValueError, CorruptInput) as error:  # including UnicodeDecodeError and ArrowInvalid
            yield error


def _row(batch: Any) -> dict[str, Any]:
    names = batch.schema.names
    return {name: _value(column) for name, column in zip(names, batch.columns, strict=True)}


def _value(column: Any) -> Any:
    """Return the one value of a column.

    As Arrow formats it if Python can't represent it: the year 10000, an unknown time zone.
    """
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        # A 25th hour is invalid, but safe to read; a wrong offset is not.
        if not (pa.types.is_primitive(column.type) or pa.types.is_decimal(column.type)):
            raise
        column.validate()
    try:
        return column.to_pylist()[0]
    except UnicodeDecodeError:
        raise
    except (KeyError, OverflowError, ValueError):  # pytz, if installed, raises KeyError
        return " ".join(column.to_string().split())


def _check_column(schema: Any, request: Request) -> None:
    if request.template is not None:
        return  # what is missing is told for each row
    name = request.text_field.split(".")[0]
    if name not in schema.names and request.text_field not in schema.names:
        known = ", ".join(schema.names)[:200]
        texts = [field.name for field in schema if is_text(field.type)]
        reason = f"no column {request.text_field!r}; it has {known}"
        raise CorruptInput(0, reason + cure(request.text_field, texts))
    if schema.names.count(request.text_field) > 1:
        raise CorruptInput(0, f"more than one column {request.text_field!r}")


def _virtual_offsets(groups: list[Any], size: int) -> list[int]:
    """Return the offsets that row groups would have if a file consisted only of rows."""
    weights = [max(0, group.total_byte_size) for group in groups]
    *before, total = accumulate(weights, initial=0)
    return [min(size - 1, size * weight // max(1, total)) for weight in before]


def _offset(group: Any) -> int:
    """Return the offset of a row group that has been read: otherwise pyarrow may end the process.

    (`RowGroupMetaData.column` of 26.0.1 throws an uncaught C++ exception.)
    """
    column = group.column(0)
    offsets = [column.data_page_offset]
    if column.has_dictionary_page:
        offsets.append(column.dictionary_page_offset)
    return min(offsets)


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0][:200]
