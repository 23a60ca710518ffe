"""The columns of an Arrow table that become text: bytes are decoded, other types are named.

Choice: a writer that stores the text as bytes does so with its other texts, so those are kept too,
if they are printable.
"""

from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa

from lmkit.readers.reader import Request
from lmkit.storage.byte_ranges import CorruptInput


@dataclass(frozen=True)
class TextColumn:
    """A column, or a field of one, and its type."""

    name: str
    path: tuple[str, ...]
    kind: Any
    only_text: bool
    """Whether a number in it is an error."""

    def check(self, row: dict[str, Any]) -> None:
        """Decode the bytes of a row. Raises `CorruptInput` if it holds no text."""
        table: Any = row
        for name in self.path[:-1]:
            table = cast(dict[str, Any], table).get(name) if isinstance(table, dict) else None
        if not isinstance(table, dict):
            return
        fields = cast(dict[str, Any], table)
        value = fields.get(self.path[-1])
        if isinstance(value, bytes):
            data = value.rstrip(b"\0") if pa.types.is_fixed_size_binary(self.kind) else value
            try:
                fields[self.path[-1]] = data.decode("utf-8")
            except UnicodeDecodeError as error:
                where = f"{error.reason} at byte {error.start}"
                raise CorruptInput(0, f"column {self.name!r}: not UTF-8: {where}") from None
        elif value is not None and not isinstance(value, str) and self.only_text:
            raise CorruptInput(0, f"column {self.name!r} is {self.kind}, must be text")


def readable(row: dict[str, Any], columns: list[TextColumn]) -> dict[str, Any]:
    """Return a row; if its text is stored as bytes, with other bytes as text where they are."""
    if not any(pa.types.is_binary(c.kind) or pa.types.is_large_binary(c.kind) for c in columns):
        return row
    return {name: _text_or_bytes(value) for name, value in row.items()}


def _text_or_bytes(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return value
    return text if all(c.isprintable() or c.isspace() for c in text) else value


def is_text(kind: Any) -> bool:
    """Return whether a column of this type holds strings."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def text_columns(schema: Any, request: Request) -> list[TextColumn]:
    """Return the columns that become the text, as far as they exist."""
    names = request.template.fields if request.template else [request.text_field]
    found: list[TextColumn] = []
    for name in names:
        path = (name,) if name in schema.names else tuple(name.split("."))
        kind = _type_of(schema, path)
        if kind is not None:
            found.append(TextColumn(name, path, kind, request.template is None))
    return found


def _type_of(schema: Any, path: tuple[str, ...]) -> Any:
    if schema.names.count(path[0]) != 1:
        return None
    kind = schema.field(path[0]).type
    for name in path[1:]:
        index = kind.get_field_index(name) if pa.types.is_struct(kind) else -1
        if index < 0:
            return None
        kind = kind.field(index).type
    return kind
