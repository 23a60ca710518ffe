"""What a plugin registers: readers, transforms of documents, and rule sets.

Choices:
- A plugin is a Python module with one `Plugin` object at its top, named `plugin`.
- Whatever it registers may have options: a `Group`, whose fields become flags. Those of a rule set
  are below `filters`, of a reader below `read`, of a transform below `transform`.
- A transform sees documents as they were read, before normalization, so that what it returns is
  normalized, redacted and judged like any other text. Transforms run in the order in which they are
  registered.
- Names mustn't be those of lmkit's own parts: a plugin adds, it doesn't replace.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeVar

from lmkit.artifacts.document import Document
from lmkit.config import Group
from lmkit.filters.rule_set import RuleSet

RuleSetT = TypeVar("RuleSetT", bound=type[RuleSet])
FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


@dataclass(frozen=True)
class Record:
    """What a reader yields: the text of a document, and what is known of it."""

    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    id: str | None = None
    """Its own id; none: a hash of its location and text."""


@dataclass(frozen=True)
class Transform:
    """A function from a document to a document, or to None, which drops it."""

    name: str
    function: Callable[..., Document | None]
    options: type[Group] | None


@dataclass(frozen=True)
class FileReader:
    """A function from a file, decompressed, to its records."""

    name: str
    endings: tuple[str, ...]
    function: Callable[..., Iterator[Record]]
    options: type[Group] | None


class Plugin:
    """The parts that a module registers."""

    def __init__(self) -> None:
        self.rule_sets: list[type[RuleSet]] = []
        self.transforms: list[Transform] = []
        self.readers: list[FileReader] = []

    def rule_set(self, rule_set: RuleSetT) -> RuleSetT:
        """Register a rule set: a subclass of `RuleSet` (see lmkit/filters/rule_set.py)."""
        self.rule_sets.append(rule_set)
        return rule_set

    def transform(
        self, name: str, options: type[Group] | None = None
    ) -> Callable[[FunctionT], FunctionT]:
        """Register a function that changes documents, or drops them by returning None.

        It is called with a document, and with its options if it has any. It must depend on nothing
        else, so that the result is the same for any number of workers. What it drops is counted as
        `transform.NAME`.
        """

        def register(function: FunctionT) -> FunctionT:
            self.transforms.append(Transform(name, function, options))
            return function

        return register

    def reader(
        self, name: str, endings: tuple[str, ...] = (), options: type[Group] | None = None
    ) -> Callable[[FunctionT], FunctionT]:
        """Register a function that reads files whose names end in `endings`, or by --format NAME.

        It is called with a binary file, already decompressed, and with its options if it has any;
        it yields a `Record` per document.
        """

        def register(function: Callable[[BinaryIO], Iterator[Record]] | Any) -> Any:
            self.readers.append(FileReader(name, endings, function, options))
            return function

        return register
