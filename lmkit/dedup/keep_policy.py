"""Which of several documents stays.

Choices:
- First come the sources that are preferred, then the rule, then the smallest source and id; equal
  ones are told apart by their text, then by the path of the input. So the choice depends neither
  on the order of the inputs nor on tasks or workers.
- A document without the field that decides comes behind all that have it, and texts come behind
  numbers.
"""

from typing import NamedTuple

Value = int | float | str | None


class Name(NamedTuple):
    """What is known of a document when it is decided whether it stays."""

    source: str
    id: str
    text: str
    """The digest of its raw text."""
    path: str
    characters: int
    value: Value


def _split(value: object) -> object:
    """Take `a,b` from a command line for a list of two."""
    return tuple(part for part in value.split(",") if part) if isinstance(value, str) else value
