"""Options, each declared once.

A command's options are the fields of its `CommandConfig`. The field's name, type, default and
docstring are the only place where the option is written; from it come the flag and its help,
the key in a config file, the Python argument, and the record in manifest.json.

Choices:
- Values come from defaults, then the file, then the flags; the last one wins. Only the merged
  whole is validated, so an option that has no default may come from the file.
- A config file is TOML with one table per command, so that one file can hold a pipeline. A
  manifest.json is read as such a file with one table.
- A nested `Group` is a nested table and a dotted flag: `[clean.normalize] unicode = "nfc"` is
  `--normalize.unicode nfc`.
- An option that can be off takes the word `none`, in flags and in files: TOML has no null.
- A field with `exclude=True` sets how to run, not what to make. It is neither recorded nor
  compared: a manifest must never turn on `overwrite` by itself.
- Options are inert: making a config opens no file and imports no library. A command resolves its
  options against files and devices when it runs.
- Paths in a file are relative to where the command runs, as they are in flags.
- A name that is a Python keyword gets an underscore in the class and nowhere else: `from_` is
  `--from`, and `from` in files and manifests.
"""

import ast
import errno
import inspect
import json
import os
import sys
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    TypeVar,
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
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError, core_schema

from lmkit.errors import ConfigError
from lmkit.suggestions import did_you_mean

POSITIONAL = "positional"
"""Marks a field that the command line takes without a flag."""
REPEATED = "repeated"
"""Marks a field of several texts, each of which the command line takes with a flag."""
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
    def _none_is_off(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        table = cast(dict[str, Any], values)
        return {
            name: None if value == "none" and cls._can_be_off(name) else value
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
    def _can_be_off(cls, name: str) -> bool:
        field = cls.model_fields.get(name) or cls.model_fields.get(f"{name}_")
        return field is not None and NoneType in get_args(field.annotation)


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

    overwrite: Annotated[bool, Field(exclude=True)] = False
    """Start over, whatever an earlier run of this command has left in the output folder."""

    verify: Annotated[bool, Field(exclude=True)] = False
    """Read every input again to check whether it changed, instead of trusting size and time."""


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
    if get_origin(annotation) is Annotated:
        return plain_type(get_args(annotation)[0])
    # X | None is one type, or the other when X is Annotated.
    if get_origin(annotation) in {Union, UnionType}:
        return plain_type(next(kind for kind in get_args(annotation) if kind is not NoneType))
    return annotation


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


ConfigT = TypeVar("ConfigT", bound=CommandConfig)


def load(
    cls: type[ConfigT],
    file: Path | None,
    flags: Mapping[str, object],
    commands: Iterable[str] = (),
) -> ConfigT:
    """Merge defaults, file and flags (by dotted key), and validate the result.

    A file may have a table for each of the `commands`.
    """
    merged = _read_table(file, cls.stage, commands) if file else {}
    if file and PLUGIN in merged:
        _refuse_plugins(merged.pop(PLUGIN), cls, file)
    if file and file.suffix == ".json":
        _let_typed_presets_win(merged, flags)
        if "recipe" in flags:
            raise ConfigError(
                f"--recipe: can't be combined with --config {file}: a manifest sets every option",
                "leave one of the two out; an option that is typed overrides the manifest's",
            )
    return validated(cls, merged, flags, f"{file}: {cls.stage}")


def validated(
    cls: type[ConfigT], table: Mapping[str, Any], flags: Mapping[str, object], where: str
) -> ConfigT:
    """Merge a table of options with flags (by dotted key), and validate the result.

    `where` is what an error names before the key of an option of the table.
    """
    known = {option.key: option for option in options(cls)}
    merged = deepcopy(dict(table))
    for key, value in flags.items():
        empty = value == "" or (isinstance(value, list) and "" in value)
        if empty and known[key].is_path:
            raise ConfigError(f"{known[key].typed}: got nothing, must be a path")
        *groups, name = key.split(".")
        inner = merged
        for group in groups:
            found = inner.setdefault(group, {})
            if not isinstance(found, dict):
                raise ConfigError(f"{where}.{group}: got {found}, must be a table")
            inner = cast(dict[str, Any], found)
        inner[name] = value
    try:
        return cls.model_validate(merged)
    except ValidationError as error:
        recipe, problems = merged.get("recipe"), list[str]()
        for problem in error.errors():
            from_recipe = isinstance(recipe, str) and not _holds(table, problem)
            named = f"--recipe {recipe}: {cls.stage}" if from_recipe else where
            problems.append(_explain(problem, cls, named, flags))
        raise ConfigError("\n".join(problems), f"see: lmkit {cls.stage} --help") from None


def _holds(table: Mapping[str, Any], problem: ErrorDetails) -> bool:
    """Whether the value that has a problem is in a table."""
    inner: Any = table
    for part in problem["loc"]:
        if not isinstance(inner, Mapping):
            return True
        if part not in inner:
            return False
        inner = cast(Any, inner)[part]
    return True


PLUGIN = "plugin"
"""The key under which a manifest records plugins."""


def _refuse_plugins(recorded: object, cls: type[CommandConfig], file: Path) -> None:
    """Raise ConfigError unless a manifest names the plugins that were named again.

    A file never loads code: it only says which plugins, by name and hash, it was made with.
    """
    if file.suffix != ".json":
        raise ConfigError(
            f"{file}: {cls.stage}.{PLUGIN}: a file can't load a plugin",
            "name it on the command line: --plugin PATH",
        )
    refuse_other_plugins(recorded, cls.recorded_plugins, str(file))


def refuse_other_plugins(recorded: object, loaded: Mapping[str, str], made: str) -> None:
    """Raise ConfigError unless the plugins with which something was made are loaded."""
    if not isinstance(recorded, dict):
        raise ConfigError(f"{made}: {PLUGIN}: got {recorded}, must be names with hashes")
    names = cast(dict[str, str], recorded)
    for name, digest in names.items():
        if loaded.get(name) != digest:
            other = f", and --plugin {name} is {loaded[name]}" if name in loaded else ""
            raise ConfigError(
                f"{made}: made with the plugin {name}, whose files have the hash {digest}{other}",
                f"name that plugin: --plugin PATH (of {name}); it is never loaded by itself",
            )


def _let_typed_presets_win(table: dict[str, Any], flags: Mapping[str, object]) -> None:
    """Drop what a manifest records in addition to a preset, where another preset was typed.

    A manifest records what its preset stood for; those values were not asked for now.
    """
    for key, value in flags.items():
        group, _, name = key.rpartition(".")
        inner = table.get(group)
        if name == "preset" and isinstance(inner, dict) and cast(Any, inner).get(name) != value:
            table[group] = {}


def _read_table(file: Path, stage: str, commands: Iterable[str]) -> dict[str, Any]:
    """Read the table of a config file, or of a manifest, that is for this command."""
    try:
        text = _read_text(file)
        tables: dict[str, Any] = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"--config: cannot read {file}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"--config: {file}: {error}") from None
    if file.suffix == ".json":
        if not (
            isinstance(cast(Any, tables), dict)
            and isinstance(tables.get("stage"), str)
            and "config" in tables
        ):
            raise ConfigError(f"--config: {file}: not a manifest that lmkit wrote")
        tables = {tables["stage"]: tables["config"]}
    for key, value in tables.items():
        if not isinstance(value, dict):
            raise ConfigError(f"{file}: {key} is outside any table", f"put it below [{stage}]")
    if stage not in tables:
        guess = did_you_mean(stage, tables)
        raise ConfigError(f"{file}: no options for {stage}{guess}", f"add a [{stage}] table")
    known = {*commands, stage}
    for key in tables.keys() - known:
        guess = did_you_mean(key, known)
        raise ConfigError(f"{file}: [{key}]: no such command{guess}", "see: lmkit --help")
    return tables[stage]


LONGEST_SHOWN = 200
"""Characters of a wrong value."""


def _read_text(file: Path) -> str:
    """Read a file of options, or a manifest; OSError for one without an end, such as a device."""
    steps: list[bytes] = []
    with file.open("rb") as opened:
        while step := opened.read(1 << 20):
            steps.append(step)
            if len(steps) > LARGEST_MB:
                raise OSError(errno.EFBIG, f"larger than {LARGEST_MB:,} MB")
    return b"".join(steps).decode("utf-8")


LARGEST_MB = 1_000
PHRASES = {
    "bool_parsing": "must be true or false",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "model_type": "must be a table",
    "string_type": "must be a text",
    "too_large": "must be less than 2^63",
    "no_path": "must be a path, which holds no NUL character",
    "path_type": "must be a path",
    "tuple_type": "must be a list",
}


def _explain(
    problem: ErrorDetails, cls: type[CommandConfig], where: str, flags: Mapping[str, object]
) -> str:
    """Describe a problem by the name under which the value was given."""
    known = {option.key: option for option in options(cls)}
    parts = [part for part in problem["loc"] if isinstance(part, str)]
    # A union adds the name of its member after the key.
    while parts and ".".join(parts) not in known and ".".join(parts[:-1]) in known:
        parts.pop()
    key = ".".join(parts)
    if problem["type"] in {"value_error", "assertion_error"}:  # a check of several options
        return problem["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if problem["type"] == "missing":
        return f"{known[key].typed}: missing; give it here, or as {key} in a --config file"
    typed = known[key].typed if key in flags else f"{where}.{key}"
    if problem["type"] == "extra_forbidden":
        return f"{typed}: no such option{did_you_mean(key, known)}"
    if phrase := PHRASES.get(problem["type"]):
        guess = did_you_mean(str(problem["input"]), known[key].names) if key in known else ""
        got = _shortened(str(problem["input"]))
        return f"{typed}: got {got}, {phrase.format(**problem.get('ctx', {}))}{guess}"
    return f"{typed}: {problem['msg']}"


def _shortened(text: str) -> str:
    """Return what was typed, if it isn't too long to be read."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}... ({len(text):,})"


def split_commas(value: object) -> object:
    """Take `a,b` from a command line for a list of two."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Paths = Annotated[tuple[Path, ...], BeforeValidator(split_commas)]
"""Files, with commas between on a command line."""
