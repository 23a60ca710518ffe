"""The file of a pipeline: its stages, with the options of each.

    folder = "work"        # optional: what paths are relative to, below the folder of this file

    [[stage]]
    command = "clean"
    inputs = ["raw"]
    output = "clean"
    filters.preset = "web"

Choices:
- A stage has the options of its command, by the names that they have in a --config file. So what
  was tried out by hand is copied, and what runs is documented where the command is.
- Names and values of all stages are checked before any of them starts; an error names the file, the
  stage and the key.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from lmkit.bounded_files import read_bounded
from lmkit.commands.registry import COMMANDS, Command, command_named
from lmkit.config import PLUGIN, CommandConfig
from lmkit.config_values import validated
from lmkit.errors import ConfigError
from lmkit.suggestions import did_you_mean

ITSELF = "pipeline"
TOP_LEVEL = ("folder", "stage")


@dataclass(frozen=True)
class Stage:
    """A command with its options."""

    name: str
    command: Command
    config: CommandConfig

    @property
    def output(self) -> Path | None:
        """The folder that it writes, if it writes one."""
        return getattr(self.config, "output", None)


@dataclass(frozen=True)
class StageFile:
    """A file of stages, whose options aren't checked yet."""

    path: Path
    folder: Path
    """What the paths of the stages are relative to."""
    tables: Sequence[Mapping[str, Any]]

    @classmethod
    def at(cls, path: Path) -> "StageFile":
        """Read a file. Raises ConfigError."""
        try:
            content = tomllib.loads(read_bounded(path).decode("utf-8"))
        except OSError as error:
            raise ConfigError(f"FILE: cannot read {path}: {error.strerror}") from None
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path}: {error}") from None
        for key in content.keys() - set(TOP_LEVEL):
            raise ConfigError(
                f"{path}: {key}: no such key{did_you_mean(key, TOP_LEVEL)}",
                "a pipeline has a folder, and a [[stage]] for each command",
            )
        tables, folder = content.get("stage", []), content.get("folder", ".")
        if not isinstance(folder, str):
            raise ConfigError(f"{path}: folder: got {folder}, must be a path")
        if not isinstance(tables, list) or not all(
            isinstance(each, dict) for each in cast(list[Any], tables)
        ):
            raise ConfigError(f"{path}: stage: must be a list of tables", "write [[stage]]")
        if not tables:
            raise ConfigError(f"{path}: no stages", "add a [[stage]] with a command")
        return cls(path, path.absolute().parent / folder, cast(Any, tables))

    def stages(self) -> list[Stage]:
        """Return the stages, with valid options; recipes are read from the current folder."""
        stages: list[Stage] = []
        for number, table in enumerate(self.tables, 1):
            stage = self._stage(number, table)
            if stage.name in {each.name for each in stages}:
                raise ConfigError(
                    f"{self.path}: stage {number}: another stage is called {stage.name}",
                    f'give it a name of its own: name = "{stage.name}-{number}"',
                )
            stages.append(stage)
        return stages

    def _stage(self, number: int, table: Mapping[str, Any]) -> Stage:
        given = dict(table)
        typed = given.pop("command", None)
        known = [command.name for command in COMMANDS if command.name != ITSELF]
        command = command_named(typed) if typed in known else None
        if command is None:
            guess = did_you_mean(typed, known) if isinstance(typed, str) else ""
            got = "missing" if typed is None else f"got {typed}"
            raise ConfigError(
                f"{self.path}: stage {number}: command: {got}, must be a command of lmkit{guess}",
                f"there are {', '.join(known)}",
            )
        name = given.pop("name", command.name)
        if not isinstance(name, str) or not name:
            raise ConfigError(f"{self.path}: stage {number}: name: got {name}, must be a text")
        where = f"{self.path}: {name}"
        if PLUGIN in given:
            raise ConfigError(
                f"{where}.{PLUGIN}: a file can't load a plugin",
                f"run this stage by itself: lmkit {command.name} --plugin PATH",
            )
        try:
            return Stage(name, command, validated(command.config, given, {}, where))
        except ConfigError as error:
            lines = error.message.split("\n")
            named = [line if line.startswith(where) else f"{where}: {line}" for line in lines]
            raise ConfigError("\n".join(named), error.hint) from None


def chosen(stages: Sequence[Stage], first: str | None, last: str | None) -> list[Stage]:
    """Return the stages from one to another, both by name. Raises ConfigError."""
    names = [stage.name for stage in stages]
    for flag, name in (("--from", first), ("--to", last)):
        if name is not None and name not in names:
            raise ConfigError(
                f"{flag}: got {name}, no such stage{did_you_mean(name, names)}",
                f"there are {', '.join(names)}",
            )
    start = names.index(first) if first is not None else 0
    end = names.index(last) if last is not None else len(names) - 1
    if start > end:
        raise ConfigError(f"--from: got {first}, which comes after --to {last}")
    return list(stages[start : end + 1])
