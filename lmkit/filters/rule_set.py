"""A rule set: quality signals, the options that limit them, and the rules that follow.

    class Shouting(Group):
        max_capitals: float | None = 0.3

    class ShoutingRules(RuleSet):
        names = ("shouting",)
        group = "shouting"
        options = Shouting

        def of_texts(self, texts):
            return {"capitals": [fraction_of_capitals(text) for text in texts]}

That is `--filters.rules shouting`, `--filters.shouting.max-capitals 0.2`, the signal
`shouting.capitals`, and the reason `shouting.capitals`.

Choices:
- A field `max_x` or `min_x` of the options is a rule that limits the signal `x`; a field that
  begins otherwise is no limit. Its default is the paper's, and `none` switches it off.
- A file of a rule set imports only what is light: its options are read by `--help`. What is slow
  to load is imported when the set is used.
- Sets whose signals are computed together name the same `measurer`, which sees each text once.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol

from pydantic import Field

from lmkit.artifacts.document import Document
from lmkit.config import Group, plain_type
from lmkit.filters.rules import Rule

Fraction = Annotated[float, Field(ge=0, le=1)]
Ratio = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
"""Types of limits; a signal with a limit of type `Count` is an integer."""
Signals = Mapping[str, Any]
"""A number for each text, in a sequence or an array, by the name of the signal."""


class RuleSet:
    """A rule set, for one run. Whatever a set doesn't override does nothing."""

    names: ClassVar[tuple[str, ...]]
    """What `--filters.rules` calls it; several names choose some of its rules, or variants. A set
    without a name is chosen by an option, and judges last."""
    group: ClassVar[str | None] = None
    """Key of its options below `filters`, which its signals and reasons begin with."""
    options: ClassVar[type[Group] | None] = None
    subsets: ClassVar[Mapping[str, type[Group]]] = {}
    """The part of the options that a name stands for, if it isn't all."""
    signal_names: ClassVar[Mapping[str, str]] = {}
    """Signals whose names differ from those of their limits."""
    not_limits: ClassVar[frozenset[str]] = frozenset()
    """Options that are named like limits and are none."""
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Defaults that a name brings."""
    for_english: ClassVar[frozenset[str]] = frozenset()
    """Those of the names whose rules were made for English text."""
    advice: ClassVar[Mapping[str, str]] = {}
    """Options that adapt such rules to other languages, by name."""
    measurer: ClassVar[str | None] = None
    """Where several sets are measured together: the module and name of a `Measurer` factory, which
    is called with all of them."""

    def __init__(self, filters: Any) -> None:
        self.filters = filters
        """The options of all filters: a `FiltersConfig`."""
        self.limits: Any = getattr(filters, self.group) if self.group else filters
        """The options of this set."""

    @classmethod
    def is_chosen(cls, filters: Any) -> bool:
        """Tell whether the options choose it."""
        return not set(cls.names).isdisjoint(filters.rules)

    @classmethod
    def check(cls, filters: Any) -> None:
        """Raise ValueError, naming the option, where options don't go together."""

    @classmethod
    def files(cls, filters: Any) -> list[tuple[str, Path]]:
        """Return the files that it reads, each with the option that names it."""
        del filters
        return []

    @classmethod
    def rules(cls, filters: Any, name: str) -> Iterator[Rule]:
        """Return the rules that a name stands for, in order, including those switched off."""
        declared = cls.subsets.get(name, cls.options)
        assert declared and cls.group, "a set without options of its own says what its rules are"
        limits = [
            name
            for name in declared.model_fields
            if name.startswith(("max_", "min_")) and name not in cls.not_limits
        ]
        signals = [cls.signal_names.get(name, name.partition("_")[2]) for name in limits]
        for limit, signal in zip(limits, signals, strict=True):
            # If a signal has two limits, the option is the reason.
            reason = signal if signals.count(signal) == 1 else limit
            yield Rule(
                f"{cls.group}.{limit}",
                f"{cls.group}.{reason}",
                f"{cls.group}.{signal}",
                limit.startswith("max"),
                getattr(getattr(filters, cls.group), limit),
                plain_type(declared.model_fields[limit].annotation) is int,
            )

    def of_documents(self, documents: Sequence[Document]) -> Signals:
        """Return signals of metadata and text: of all documents, also of those without a text."""
        del documents
        return {}

    def of_texts(self, texts: Sequence[str]) -> Signals:
        """Return signals of texts, each of which has a visible character and no surrogates."""
        del texts
        return {}


class Measured(Protocol):
    """What a measurer found."""

    columns: dict[str, Any]
    """An array per signal, by its full name."""
    kept_lines: Sequence[list[str]]
    """The lines of each text that are kept if it is; empty if no rule cuts lines."""


class Measurer(Protocol):
    """Computes the signals of several rule sets at once."""

    def measure(self, texts: Sequence[str]) -> Measured:
        """Return the signals of texts, of which there is at least one."""
        ...
