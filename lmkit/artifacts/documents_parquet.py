r"""Documents in a Parquet file, for other programs that read tables.

    id, text, source    texts
    metadata            its JSON, as in a line of documents-00000.jsonl.zst
    escaped             null, or the JSON of those of the first three that are not valid Unicode

Choices:
- All files have this one schema, so `datasets`, DuckDB and pandas read any number of them as one
  table. A column for each field of the metadata could not be so: a field may be a number in one
  document and a text in another, or a list in none but the last. As JSON, no value is changed;
  DuckDB takes `metadata->>'url'`, pandas `df.metadata.map(json.loads)`.
- Parquet's texts are UTF-8. A lone surrogate is written as a backslash escape, and the exact text
  stands in `escaped`, so that lmkit reads what it wrote.
- A row group ends after 16 million characters or 10,000 documents: that is all that is in memory.
- The bytes follow from the documents and the version of pyarrow: no times, no threads. Pages have
  checksums, which other programs can check, too.
- Statistics only of id and source: those of a text would be copies of texts.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lmkit.errors import LmkitError
from lmkit.storage.arrow_columns import text_column
from lmkit.storage.byte_ranges import Range
from lmkit.storage.json_bytes import from_json, to_json

TEXTS = ("id", "text", "source")
MARK = {"lmkit": "documents"}
"""By what a file that lmkit wrote is recognized."""
SCHEMA = pa.schema([(name, pa.string()) for name in (*TEXTS, "metadata", "escaped")], MARK)
ZSTD_LEVEL = 3
GROUP_CHARACTERS = 16_000_000
GROUP_ROWS = 10_000
BATCH_ROWS = 256
BUFFER = 1 << 20
MAX_COLUMN_BYTES = (1 << 31) - 1
"""Of a column in a row group, and so of one text."""


class ParquetDocuments:
    """A Parquet file of documents being written."""

    def __init__(self, path: Path) -> None:
        settings: dict[str, Any] = {  # its types know no lists of columns
            "compression": "zstd",
            "compression_level": ZSTD_LEVEL,
            "write_page_checksum": True,
            "use_dictionary": ["source"],
            "write_statistics": ["id", "source"],
        }
        self._file = pq.ParquetWriter(path, SCHEMA, **settings)
        self._rows: list[tuple[str | None, ...]] = []
        self._characters = 0
        self.count = 0

    def write(self, record: dict[str, Any]) -> None:
        """Add a document: a record with `id`, `text`, `source` and `metadata`."""
        metadata = to_json(record["metadata"]).decode().rstrip("\n")
        self._rows.append((*(record[name] for name in TEXTS), metadata, _escaped(record)))
        self._characters += len(record["text"]) + len(metadata)
        self.count += 1
        if self._characters >= GROUP_CHARACTERS or len(self._rows) == GROUP_ROWS:
            self._write_group()

    def close(self) -> None:
        """Write what is buffered, and the end of the file."""
        if self._rows:
            self._write_group()
        self._file.close()

    def _write_group(self) -> None:
        columns = list(zip(*self._rows, strict=True))
        for column in columns:
            if sum(len(value) for value in column if value) * 4 > MAX_COLUMN_BYTES:
                self._refuse_too_large(column)
        table = pa.Table.from_arrays([text_column(column) for column in columns], schema=SCHEMA)
        self._file.write_table(table, row_group_size=len(self._rows))
        self._rows, self._characters = [], 0

    def _refuse_too_large(self, column: tuple[str | None, ...]) -> None:
        size = sum(len(value.encode("utf-8", "backslashreplace")) for value in column if value)
        if size > MAX_COLUMN_BYTES:
            raise LmkitError(
                f"--output-format parquet: a group of documents has a column of {size:,} bytes; "
                f"must be {MAX_COLUMN_BYTES:,} at most",
                "write jsonl.zst, or lower --max-record",
            )


def _escaped(record: dict[str, Any]) -> str | None:
    """Return the JSON of the texts that UTF-8 cannot represent."""
    exact: dict[str, str] = {}
    for name in TEXTS:
        try:
            record[name].encode()
        except UnicodeEncodeError:
            exact[name] = record[name]
    return to_json(exact).decode().rstrip("\n") if exact else None


def has_documents(schema: Any) -> bool:
    """Return whether lmkit wrote a Parquet file with this schema."""
    known = schema.metadata or {}
    marked = all(known.get(key.encode()) == value.encode() for key, value in MARK.items())
    return marked and schema.names == SCHEMA.names


def restored(row: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a row: what `ParquetDocuments.write` was called with.

    Raises ValueError for a row that it didn't write.
    """
    if any(row[name] is None for name in (*TEXTS, "metadata")):
        raise ValueError("a column without a value")
    metadata = from_json(row["metadata"].encode())
    exact = {} if row["escaped"] is None else from_json(row["escaped"].encode())
    if not isinstance(metadata, dict) or not isinstance(exact, dict):
        raise ValueError("metadata is not a JSON object")
    if not all(name in TEXTS and isinstance(text, str) for name, text in exact.items()):
        raise ValueError("escaped holds something else than id, text and source")
    return {name: row[name] for name in TEXTS} | {"metadata": metadata} | exact


def read_records(source: Range) -> Iterator[dict[str, Any]]:
    """Stream the records of a file. Raises ValueError if it is damaged."""
    stream = pa.PythonFile(source, "r")
    try:
        with pq.ParquetFile(stream, buffer_size=BUFFER, page_checksum_verification=True) as file:
            if not has_documents(file.schema_arrow):
                raise ValueError("it has other columns")
            for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
                batch.validate(full=True)
                yield from map(restored, batch.to_pylist())
    except (pa.ArrowException, OSError) as error:  # zlib, zstd and Thrift give an OSError
        raise ValueError(str(error).split("\n")[0][:200]) from None
