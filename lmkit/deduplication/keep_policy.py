"""Which of several duplicates is kept: their order of precedence.

Choices:
- Preferred sources come first, then the rule decides, then the smallest source and id; ties are
  broken by the text, then by the path of the input. So the choice depends neither on the order of
  the inputs nor on tasks or workers.
- A document without the field that the rule compares comes after all that have it, and strings
  come after numbers.
"""

import math
from typing import Any, NamedTuple, cast

from lmkit.artifacts.documents_file import Document
from lmkit.deduplication.options import KeepConfig

Value = int | float | str | None


class DocumentKey(NamedTuple):
    """What decides which of several duplicates is kept."""

    source: str
    id: str
    text: str
    """The digest of its raw text."""
    path: str
    characters: int
    value: Value
    location: dict[str, Any] | None = None
    """Where the document was read, since ids may repeat: origin, offset, record."""


LOCATION = ("origin", "offset", "record")
"""Fields of the metadata that tell where a document was read."""


def location_of(document: Document) -> dict[str, Any]:
    """Return where a document was read, as far as its metadata tells."""
    metadata = document.metadata
    return {name: value for name in LOCATION if isinstance(value := metadata.get(name), (int, str))}


def value_of(keep: KeepConfig, document: Document) -> Value:
    """Return what the rule compares."""
    if not keep.field:
        return None
    for found in (document.record(), document.metadata):
        inner: Any = found
        for key in keep.field.split("."):
            inner = cast(dict[str, Any], inner).get(key) if isinstance(inner, dict) else None
        if isinstance(inner, int | float | str) and not isinstance(inner, bool):
            return inner
    return None


def sort_key(keep: KeepConfig, key: DocumentKey) -> tuple[Any, ...]:
    """Return the sort key of a document: the representative has the smallest.

    >>> key = DocumentKey("wiki", "1", "", "", 100, 0.5)
    >>> sort_key(KeepConfig(rule="largest", field="score", sources=("wiki",)), key)[:3]
    (0, 0, -0.5)
    """
    preferred = keep.sources.index(key.source) if key.source in keep.sources else math.inf
    return (preferred, *_by_rule(keep, key), *key[:4])


def _by_rule(keep: KeepConfig, key: DocumentKey) -> tuple[Any, ...]:
    if keep.rule == "longest":
        return (-key.characters,)
    if keep.rule == "first":
        return ()
    sign = -1 if keep.rule == "largest" else 1
    if isinstance(key.value, str):
        # A string sorts before its own extensions: 'a' < 'ab'.
        return (1, [sign * ord(character) for character in key.value] + [sign * -1])
    return (2, 0) if key.value is None else (0, sign * key.value)
