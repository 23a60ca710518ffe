"""The registry of objectives: their names, their options, and where their code is.

Choices:
- An objective is a folder: `options.py` declares its options, `objective.py` has its `Objective`,
  with all else that differs between objectives. A new objective is a folder and a line here: the
  values of --objective, its options and their checks follow from it, in every command.
- Nothing that works is imported before it is needed: `lmkit pretrain --help` imports only options.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from lmkit.config import Group


@dataclass(frozen=True)
class ObjectiveEntry:
    """An objective: its name, and the names of its options and of its class."""

    name: str
    predicts: str
    """What is predicted, for --help."""
    architectures: tuple[str, ...]
    """Models that can learn it. A decoder can't attend to tokens after a mask; an encoder attends
    to the next token, which it would have to predict."""
    group: str
    """The group of its options: --GROUP.NAME."""
    config_name: str
    class_name: str

    @property
    def config(self) -> type[Group]:
        """The class of its options."""
        return getattr(import_module(f"{self._folder}.options"), self.config_name)

    @property
    def implementation(self) -> Any:
        """Its `Objective`, a class."""
        return getattr(import_module(f"{self._folder}.objective"), self.class_name)

    @property
    def _folder(self) -> str:
        return f"{__package__}.{self.name.replace('-', '_')}"


OBJECTIVES = (
    ObjectiveEntry("clm", "the next token", ("decoder",), "fim", "FimConfig", "Clm"),
    ObjectiveEntry("mlm", "masked tokens", ("encoder",), "mlm", "MlmConfig", "Mlm"),
    ObjectiveEntry("plm", "tokens in a random order", ("encoder",), "plm", "PlmConfig", "Plm"),
    ObjectiveEntry(
        "span-corruption",
        "masked spans",
        ("encoder-decoder",),
        "span",
        "SpanConfig",
        "SpanCorruption",
    ),
)
"""In the order of --help."""


def objectives_of(architecture: str) -> tuple[str, ...]:
    """Return the names of the objectives that a model of this architecture can learn.

    >>> objectives_of("decoder")
    ('clm',)
    """
    return tuple(entry.name for entry in OBJECTIVES if architecture in entry.architectures)


def entry_named(name: str) -> ObjectiveEntry:
    """Return the entry of an objective."""
    return next(entry for entry in OBJECTIVES if entry.name == name)
