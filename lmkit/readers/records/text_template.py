r"""A text made of several fields of a record: `{title}\n\n{body}`.

Choices:
- A field that the template names must be there and not be empty, else the record is listed: half a
  text is no text. With `{title?}` it may be missing, and the line breaks that it leaves at the ends
  of the text go.
- Numbers are written as JSON writes them. Lists and objects are no text.
- Fields that are in the text are taken out of the record, except `id`, `source` and `metadata`.
"""

import math
from typing import Any, cast

from lmkit.readers.options import template_parts
from lmkit.storage.byte_ranges import CorruptInput

KEPT = {"id", "source", "metadata"}


class TextTemplate:
    r"""A template.

    >>> TextTemplate("{title?}\n\n{a.body} {{x}}").fill({"a": {"body": "Hello."}}, 0)
    'Hello. {x}'
    """

    def __init__(self, text: str) -> None:
        self._parts = template_parts(text)

    @property
    def fields(self) -> list[str]:
        """The names of its fields."""
        return [name for _, name, _ in self._parts if name]

    @property
    def required(self) -> list[str]:
        """The names of those that must not be missing."""
        return [name for _, name, optional in self._parts if name and not optional]

    def has_text(self, record: dict[str, Any]) -> bool:
        """Return whether a record has one of the fields."""
        return any(_found(record, name)[0] is not None for name in self.fields)

    def fill(self, record: dict[str, Any], offset: int) -> str:
        """Return the text of a record, and take its fields out. Raises `CorruptInput`."""
        pieces: list[str] = []
        used: list[tuple[dict[str, Any], str]] = []
        for literal, name, optional in self._parts:
            pieces.append(literal)
            if not name:
                continue
            table, key = _found(record, name)
            value = table.get(key) if table is not None else None
            if value is None or (isinstance(value, str) and not value.strip()):
                if not optional:
                    raise CorruptInput(offset, f"the field {name!r} is missing or empty")
                continue
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not isinstance(value, str) and not (is_number and math.isfinite(value)):
                raise CorruptInput(offset, f"{name!r} is not a text")
            pieces.append(str(value))
            if table is not None and not (table is record and key in KEPT):
                used.append((table, key))
        for table, key in used:
            table.pop(key, None)
        text = "".join(pieces)
        return text.strip("\n") if any(optional for _, _, optional in self._parts) else text


def _found(record: dict[str, Any], name: str) -> tuple[dict[str, Any] | None, str]:
    """Return the object with a field, and its name in it."""
    if name in record:
        return record, name
    table: Any = record
    *outer, last = name.split(".")
    for key in outer:
        table = cast(dict[str, Any], table).get(key) if isinstance(table, dict) else None
    has_field = isinstance(table, dict) and last in table
    return (cast(dict[str, Any], table) if has_field else None), last
