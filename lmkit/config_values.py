"""The values of options: from flags, a file and a recipe, merged and checked.

Choices:
- Values come from defaults, then a recipe, then the file, then the flags; the last one wins. Only
  the merged whole is validated, so an option that has no default may come from the file.
- A config file is TOML with one table per command. A manifest.json is read as such a file with one
  table.
- Paths in a file are relative to where the command runs, as they are in flags.
- An error names an option as it was given: as a flag, or as a key of a file.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lmkit.bounded_files import read_bounded
from lmkit.config import PLUGIN, CommandConfig, options
from lmkit.errors import ConfigError
from lmkit.suggestions import did_you_mean

ConfigT = TypeVar("ConfigT", bound=CommandConfig)
LONGEST_SHOWN = 200
"""Characters of a wrong value."""
MUST_BE = ", must be "
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
    "url": "must be a folder on a disk: write there, and copy it when it is complete",
}


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
        raise ConfigError("\n".join(_joined(problems)), f"see: lmkit {cls.stage} --help") from None


def _joined(problems: Iterable[str]) -> list[str]:
    """Make one line of those about one value, which may be of several kinds.

    >>> _joined(["--lr: got x, must be a number", "--lr: got x, must be 'auto'"])
    ["--lr: got x, must be a number or 'auto'"]
    """
    found: dict[str, str] = {}
    for problem in problems:
        value, must_be, kind = problem.rpartition(MUST_BE)
        known = found.get(value) if must_be else None
        if known is None:
            found[value or problem] = problem
        elif not known.endswith(kind):
            found[value] = f"{known} or {kind}"
    return list(found.values())


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
        text = read_bounded(file).decode("utf-8")
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
        names = known[key].names if key in known else ()
        if not names and problem["type"] == "literal_error":  # a word or a number
            names = re.findall(r"'([^']+)'", phrase.format(**problem.get("ctx", {})))
        guess = did_you_mean(str(problem["input"]), names)
        got = _shortened(str(problem["input"]))
        return f"{typed}: got {got}, {phrase.format(**problem.get('ctx', {}))}{guess}"
    return f"{typed}: {problem['msg']}"


def _shortened(text: str) -> str:
    """Return what was typed, if it isn't too long to be read."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}... ({len(text):,})"
