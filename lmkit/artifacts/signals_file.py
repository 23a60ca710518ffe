"""All quality signals of the filters, one row per document, in signals-00000.parquet.

    id, source, language, reason (none if it was kept), and a column per signal

Choices:
- Rows are in the order of the documents, including those that were dropped; so another limit can
  be tried without reading a text again.
- One file per task, like the documents; row groups of a hundred thousand rows, to bound memory.
- A column that is missing from a shard was never computed there.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow.types import is_floating, is_integer, is_large_string, is_string

from lmkit.artifacts.tasks import TaskWriter
from lmkit.errors import LmkitError
from lmkit.storage.arrow_columns import number_column, text_column

ROWS = 100_000
FACTS = ("id", "source", "language", "reason")


class SignalsFile:
    """The signals of a task; the file is created when something is written to it."""

    def __init__(self, writer: TaskWriter) -> None:
        self._writer = writer
        self._stack = ExitStack()
        self._name = f"signals-{writer.number:05d}.parquet"
        self._buffered: list[pa.Table] = []
        self._rows = 0
        self._file: pq.ParquetWriter | None = None
        self.count = 0

    def __enter__(self) -> Self:
        self._stack.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        if raised[0] is None:
            self._flush()
        self._stack.__exit__(*raised)
        if raised[0] is None and self.count:
            self._writer.count_in(self._name, {"documents": self.count})

    def write(
        self, facts: Sequence[Sequence[str | None]], signals: dict[str, NDArray[Any]]
    ) -> None:
        """Add rows: the columns of `FACTS`, and the signals that were computed."""
        columns: dict[str, Any] = {
            name: text_column(values) for name, values in zip(FACTS, facts, strict=True)
        }
        columns |= {name: number_column(values) for name, values in signals.items()}
        table = pa.table(columns)
        self._buffered.append(table)
        self._rows += table.num_rows
        self.count += table.num_rows
        if self._rows >= ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        table = pa.concat_tables(self._buffered).combine_chunks()
        if self._file is None:
            path = self._stack.enter_context(self._writer.file(self._name))
            self._file = pq.ParquetWriter(path, table.schema, compression="zstd")
            self._stack.callback(self._file.close)  # before it gets its final name
        self._file.write_table(table, row_group_size=ROWS)
        self._buffered.clear()
        self._rows = 0


def read_signals(paths: Sequence[Path], columns: Sequence[str] | None = None) -> Any:
    """Read the signals of some shards.

    Raises LmkitError if one is damaged.
    """
    return pa.concat_tables(list(_tables(paths, columns)), promote_options="default")


def _tables(paths: Sequence[Path], columns: Sequence[str] | None) -> Iterator[Any]:
    for path in paths:
        try:
            known = pq.read_schema(path)
            _check(known)
            present = None if columns is None else [name for name in columns if name in known.names]
            yield pq.read_table(path, columns=present)
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            raise LmkitError(
                f"{path}: cannot be read ({error})", "make that folder again"
            ) from None


def _check(schema: Any) -> None:
    """Raise ValueError for columns that lmkit doesn't write."""
    for field in schema:
        kinds = (is_string, is_large_string) if field.name in FACTS else (is_integer, is_floating)
        if not any(is_kind(field.type) for is_kind in kinds):
            raise ValueError(f"column {field.name} holds {field.type}")
    if missing := set(FACTS) - set(schema.names):
        raise ValueError(f"no column {min(missing)}")
