"""Options, each declared once.

A command's options are the fields of its `CommandConfig`. The field's name, type, default and
docstring are the only place where the option is written; from it come the flag and its help,
the key in a config file, the Python argument, and the record in manifest.json.

Choices:
- A nested `Group` is a nested table and a dotted flag: `[clean.normalize] unicode = "nfc"` is
  `--normalize.unicode nfc`.
- An option that can be off takes the word `none`, in flags and in files: TOML has no null.
- A whole number may be written as 2.5e9.
- A field with `exclude=True` sets how to run, not what to make. It is neither recorded nor
  compared: a manifest must never turn on `overwrite` by itself.
- Options are inert: making a config opens no file and imports no library. A command resolves its
  options against files and devices when it runs.
- A name that is a Python keyword gets an underscore in the class and nowhere else: `from_` is
  `--from`, and `from` in files and manifests.
"""

import ast
import inspect
import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    Union,
    cast,
    get_args,
    get_origin,
)

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

POSITIONAL = "positional"
"""Marks a field that the command line takes without a flag."""
REPEATED = "repeated"
"""Marks a field of several texts, each of which the command line takes with a flag."""
URL = re.compile(r"[a-z][a-z0-9+.-]+:/")
"""How a URL begins, also one that became a path."""
POWER_OF_TEN = re.compile(r"[+-]?[0-9]{1,19}(\.[0-9]{1,19})?[eE]\+?[0-9]{1,2}")
"""A number as 1e9 or 2.5e6, which TOML has for whole numbers, too."""
MANY_PATHS = tuple[Path, ...]
"""The flag of such a field may be repeated, too."""


@dataclass(frozen=True)
class OneOf:
    """Takes the names of a registry, as a `Literal` takes those that are written in it.

    >>> class Options(Group):
    ...     shape: Annotated[str, OneOf({"circle": 1, "square": 2})] = "circle"
    >>> Options(shape="square").shape
    'square'
    """

    names: Collection[str]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """Return the schema of a `Literal`."""
        del source, handler
        return core_schema.literal_schema(list(self.names))


@dataclass(frozen=True)
class OneOfOrFile(OneOf):
    """Takes a name, or the path of a file: what reads it finds out which."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """Return the schema of the field's own type."""
        return handler(source)


class Group(BaseModel):
    """Options that belong together."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        protected_namespaces=(),
        allow_inf_nan=False,
        alias_generator=lambda name: name.removesuffix("_"),
        validate_by_name=True,
        serialize_by_alias=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _words_are_values(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        table = cast(dict[str, Any], values)
        return {
            name: cls._value(name, value) if isinstance(value, str) else value
            for name, value in table.items()
        }

    @field_validator("*")
    @classmethod
    def _is_usable(cls, value: Any) -> Any:
        if isinstance(value, int) and abs(value) >= 1 << 63:
            raise PydanticCustomError("too_large", "must be less than 2^63")
        paths = cast(tuple[Any, ...], value) if isinstance(value, tuple) else (value,)
        if any(isinstance(path, Path) and "\0" in str(path) for path in paths):
            raise PydanticCustomError("no_path", "must be a path")
        return value

    @classmethod
    def _value(cls, name: str, word: str) -> str | int | None:
        field = cls.model_fields.get(name) or cls.model_fields.get(f"{name}_")
        if field is None:
            return word
        if word == "none" and NoneType in get_args(field.annotation):
            return None
        kinds = set(_kinds(field.annotation))
        if int in kinds and not kinds & {str, Path} and POWER_OF_TEN.fullmatch(word):
            number = Decimal(word)
            return int(number) if number == number.to_integral_value() else word
        return word


def usable_cores() -> int:
    """Return the cores that this process may use."""
    # A batch system may give a job fewer cores than the machine has. macOS has no such call.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


OPTIONS = "Options:"
"""What stands above the docs of options in the docs of a class (`python/option_docs.py`)."""


class CommandConfig(Group):
    """The options of a command; `stage` is the command's name."""

    stage: ClassVar[str]

    example: ClassVar[str] = ""
    """A command line that the help shows."""

    takes_plugins: ClassVar[bool] = False
    plugins: ClassVar[tuple[Any, ...]] = ()
    """The plugins that are loaded (see `lmkit.plugins`)."""
    recorded_plugins: ClassVar[Mapping[str, str]] = {}
    """Their names and hashes, which the manifest records."""

    @classmethod
    def about(cls) -> str:
        """Return what the command does: the docs of the class, without those of its options."""
        return (inspect.getdoc(cls) or "").partition(f"\n\n{OPTIONS}\n")[0]


class FolderConfig(CommandConfig):
    """The options of every command that writes a folder."""

    output_patterns: ClassVar[tuple[str, ...]]
    """Regular expressions for the paths that the command writes, below its folder; any other file
    there is not lmkit's."""

    location_options: ClassVar[frozenset[str]] = frozenset(
        {"inputs", "inputs_from", "output", "recipe.name", "recipe.sha256"}
    )
    """Options whose values aren't compared: locations, whose content is compared, devices, and the
    recipe, whose options are compared."""

    writes_to_stores: ClassVar[bool] = False
    """Whether the output may be at a URL."""

    overwrite: Annotated[bool, Field(exclude=True)] = False
    """Start over, whatever an earlier run of this command has left in the output folder."""

    verify: Annotated[bool, Field(exclude=True)] = False
    """Read every input again to check whether it changed, instead of trusting size and time."""

    @field_validator("output", check_fields=False)
    @classmethod
    def _output_is_on_a_disk(cls, value: Path | None) -> Path | None:
        if value is not None and not cls.writes_to_stores and URL.match(str(value)):
            raise PydanticCustomError(
                "url", "must be a folder on a disk: write there, and copy it when it is complete"
            )
        return value


class StageConfig(FolderConfig):
    """The options of every command that reads inputs and writes a folder."""

    inputs: Annotated[tuple[Path, ...], POSITIONAL] = ()
    """Files and folders to read."""

    inputs_from: Path | None = None
    """File with one more input path per line, for more than a command line holds."""

    output: Path
    """Folder to write. It is complete when it holds a manifest.json."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of everything random."""

    workers: Annotated[int, Field(ge=1, exclude=True)] = usable_cores()
    """Processes that share the work. The output is the same for any number."""


@dataclass(frozen=True)
class Option:
    """One leaf of a config, and its names on the command line, in files and in Python."""

    key: str
    field: FieldInfo
    group: type[Group] | None
    owner: type[Group]

    @property
    def is_path(self) -> bool:
        """Whether it names a file or a folder."""
        kinds = (self.field.annotation, *get_args(self.field.annotation))
        return Path in kinds

    @property
    def description(self) -> str:
        """The docstring below the field, or the description of one that was added."""
        texts, name = _docstrings(self.owner), self.key.rpartition(".")[2]
        return texts.get(name) or texts.get(f"{name}_", "") or self.field.description or ""

    @property
    def names(self) -> tuple[str, ...]:
        """The values that it takes, if it takes one of some names."""
        kind = plain_type(self.field.annotation)
        if get_origin(kind) is Literal:
            return get_args(kind)
        found = (*self.field.metadata, *_metadata(self.field.annotation))
        return next((tuple(each.names) for each in found if isinstance(each, OneOf)), ())

    @property
    def element_names(self) -> tuple[str, ...]:
        """The values that it takes several of, if these have names."""
        kind = plain_type(self.field.annotation)
        element = get_args(kind)[0] if get_origin(kind) is tuple else None
        if get_origin(plain_type(element)) is Literal:
            return get_args(plain_type(element))
        found = _metadata(element)
        return next((tuple(each.names) for each in found if isinstance(each, OneOf)), ())

    @property
    def can_be_off(self) -> bool:
        """Whether it takes the word `none`."""
        return NoneType in get_args(self.field.annotation)

    @property
    def takes_files(self) -> bool:
        """Whether it also takes the path of a file."""
        return any(isinstance(each, OneOfOrFile) for each in self.field.metadata)

    @property
    def positional(self) -> bool:
        """Whether the command line takes it without a flag."""
        return POSITIONAL in self.field.metadata

    @property
    def repeated(self) -> bool:
        """Whether its flag may be given several times."""
        return plain_type(self.field.annotation) == MANY_PATHS or REPEATED in self.field.metadata

    @property
    def typed(self) -> str:
        """What a person types on the command line."""
        return self.key.upper() if self.positional else "--" + self.key.replace("_", "-")


def plain_type(annotation: Any) -> Any:
    """Take the None, and the constraints, off a type."""
    return next(kind for kind in _kinds(annotation) if kind is not NoneType)


def _kinds(annotation: Any) -> Iterator[Any]:
    """Yield the types that a type is made of, without constraints."""
    # X | None is a UnionType, or a Union where X is Annotated.
    if get_origin(annotation) is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif get_origin(annotation) in {Union, UnionType}:
        for each in get_args(annotation):
            yield from _kinds(each)
    else:
        yield annotation


def _metadata(annotation: Any) -> Iterator[Any]:
    """Yield the constraints of a type, and of those that it is made of."""
    if get_origin(annotation) is Annotated:
        yield from annotation.__metadata__
    if get_origin(annotation) in {Annotated, Union, UnionType}:
        for each in get_args(annotation):
            yield from _metadata(each)


def options(config: type[Group], prefix: str = "") -> Iterator[Option]:
    """Every option of a config, in the order of declaration, groups flattened."""
    for name, field in config.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Group):
            yield from options(kind, f"{prefix}{name}.")
        else:
            yield Option(prefix + name.removesuffix("_"), field, config if prefix else None, config)


@cache
def _docstrings(config: type[Group]) -> dict[str, str]:
    """Read the docstrings below the fields of a class and its bases.

    pydantic can do so too, as each class is made: that would be half the time that --help takes.
    """
    texts: dict[str, str] = {}
    for cls in reversed(config.__mro__):
        if issubclass(cls, Group):
            texts |= _docstrings_in(cls.__module__).get(cls.__qualname__, {})
    return texts


@cache
def _docstrings_in(module: str) -> dict[str, dict[str, str]]:
    """Read the docstrings below fields in all classes at the top of a module."""
    file = sys.modules[module].__file__
    assert file is not None
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(Path(file).read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            fields = found.setdefault(node.name, {})
            for above, below in pairwise(node.body):
                match above, below:
                    case (
                        ast.AnnAssign(target=ast.Name(id=name)),
                        ast.Expr(value=ast.Constant(value=str(text))),
                    ):
                        fields[name] = inspect.cleandoc(text)
                    case _:
                        pass
    return found


PLUGIN = "plugin"
"""The key under which a manifest records plugins."""


def is_none(value: object) -> bool:
    """Return whether an option is off; as `exclude_if` of a field, it then isn't recorded."""
    return value is None


def split_commas(value: object) -> object:
    """Take `a,b` from a command line for a list of two."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Paths = Annotated[tuple[Path, ...], BeforeValidator(split_commas)]
"""Files, with commas between on a command line."""
