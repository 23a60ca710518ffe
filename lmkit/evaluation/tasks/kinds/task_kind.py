"""What a kind of task is: the fields of its records, its items, and what is measured.

A new kind is a file with a `TaskKind`, and a line in the registry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lmkit.evaluation.tasks.measures import Measure
from lmkit.evaluation.tasks.record_fields import RecordFields


class Options(NamedTuple):
    """The content of an item: `Item` without its line."""

    contexts: tuple[str, ...]
    continuations: tuple[str, ...]
    gold: int = 0
    also_right: tuple[int, ...] = ()


@dataclass(frozen=True)
class TaskKind:
    """A kind of task."""

    name: str
    keys: tuple[tuple[str, ...], ...]
    """A record of this kind has one field of each of these groups."""
    read: Callable[[RecordFields], Options]
    """Returns the content of a record. Raises InputError."""
    measures: Mapping[str, Measure]
    """By the names of the scores; the first is the main one."""
    chance: Callable[[int], float | None] = lambda options: 1 / options
    """The accuracy of random answers, given the number of options; None: there is no accuracy."""
    is_whole_text: bool = False
    """Whether a text is predicted from its start, without a delimiter."""

    def matches(self, fields: RecordFields) -> bool:
        """Return whether a record has the fields of this kind."""
        return all(any(name in fields.values for name in group) for group in self.keys)
