"""Which of several documents stays.

Choices:
- First come the sources that are preferred, then the rule, then the smallest source and id; equal
  ones are told apart by their text, then by the path of the input. So the choice depends neither
  on the order of the inputs nor on tasks or workers.
- A document without the field that decides comes behind all that have it, and texts come behind
  numbers.
"""

import math
from typing import Annotated, Any, Literal, NamedTuple, cast

from pydantic import BeforeValidator, model_validator

from lmkit.artifacts.documents import Document
from lmkit.config import Group

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


class Keep(Group):
    """Which of several documents stays, where all but one go."""

    rule: Literal["first", "longest", "largest", "smallest"] = "first"
    """That with the smallest source and id; with most characters; with the largest or smallest
    value of `--keep.field`. The former decides between equals."""

    field: str | None = None
    """Where the value is found: a number or a text, as `metadata.score` or `metadata.date`."""

    sources: Annotated[tuple[str, ...], BeforeValidator(_split)] = ()
    """Sources, the preferred ones first (a,b); they go before the rule, and before any other."""

    @model_validator(mode="after")
    def _field_goes_with_rule(self) -> "Keep":
        wanted = self.rule in {"largest", "smallest"}
        if wanted and not self.field:
            raise ValueError(f"--keep.rule: {self.rule} needs --keep.field, the field to compare")
        if self.field and not wanted:
            raise ValueError(
                f"--keep.field: got {self.field}, but --keep.rule is {self.rule}: "
                "must be largest or smallest"
            )
        return self

    def value_of(self, document: Document) -> Value:
        """Return what the rule compares."""
        if not self.field:
            return None
        for found in (document.record(), document.metadata):
            inner: Any = found
            for key in self.field.split("."):
                inner = cast(dict[str, Any], inner).get(key) if isinstance(inner, dict) else None
            if isinstance(inner, int | float | str) and not isinstance(inner, bool):
                return inner
        return None

    def rank(self, name: Name) -> tuple[Any, ...]:
        """Return what sorts a document before those that it stays for.

        >>> name = Name("wiki", "1", "", "", 100, 0.5)
        >>> Keep(rule="largest", field="score", sources=("wiki",)).rank(name)[:3]
        (0, 0, -0.5)
        """
        preferred = self.sources.index(name.source) if name.source in self.sources else math.inf
        return (preferred, *self._by_rule(name), *name[:4])

    def _by_rule(self, name: Name) -> tuple[Any, ...]:
        if self.rule == "longest":
            return (-name.characters,)
        if self.rule == "first":
            return ()
        sign = -1 if self.rule == "largest" else 1
        if isinstance(name.value, str):
            # Behind its last character a text is smaller than any that goes on: 'a' < 'ab'.
            return (1, [sign * ord(letter) for letter in name.value] + [sign * -1])
        return (2, 0) if name.value is None else (0, sign * name.value)
