"""Which of several documents stays.

Choices:
- First come the sources that are preferred, then the rule, then the smallest source and id; equal
  ones are told apart by their text, then by the path of the input. So the choice depends neither
  on the order of the inputs nor on tasks or workers.
- A document without the field that decides comes behind all that have it, and texts come behind
  numbers.
"""

import math
from typing import Any, NamedTuple, cast

from lmkit.artifacts.documents_file import Document
from lmkit.deduplication.options import KeepConfig

Value = int | float | str | None


class DocumentKey(NamedTuple):
    """What is known of a document when it is decided whether it stays."""

    source: str
    id: str
    text: str
    """The digest of its raw text."""
    path: str
    characters: int
    value: Value


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


def sort_key(keep: KeepConfig, name: DocumentKey) -> tuple[Any, ...]:
    """Return what sorts a document before those that it stays for.

    >>> name = DocumentKey("wiki", "1", "", "", 100, 0.5)
    >>> sort_key(KeepConfig(rule="largest", field="score", sources=("wiki",)), name)[:3]
    (0, 0, -0.5)
    """
    preferred = keep.sources.index(name.source) if name.source in keep.sources else math.inf
    return (preferred, *_by_rule(keep, name), *name[:4])


def _by_rule(keep: KeepConfig, name: DocumentKey) -> tuple[Any, ...]:
    if keep.rule == "longest":
        return (-name.characters,)
    if keep.rule == "first":
        return ()
    sign = -1 if keep.rule == "largest" else 1
    if isinstance(name.value, str):
        # Behind its last character a text is smaller than any that goes on: 'a' < 'ab'.
        return (1, [sign * ord(letter) for letter in name.value] + [sign * -1])
    return (2, 0) if name.value is None else (0, sign * name.value)
