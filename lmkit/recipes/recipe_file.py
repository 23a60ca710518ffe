"""Recipe files: options of several commands, in TOML with a table for each.

Choices:
- A recipe is a .toml file in this folder, and nothing else: its name is that of the file. Its
  comments cite the paper and the repository, and list what lmkit does in another way.
- A file of one's own is read in the same way, where a path is given instead of a name.
- A recipe holds what to make. It can't name inputs and outputs, or set how a command runs.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from lmkit.bounded_files import read_bounded
from lmkit.config import Group, Option
from lmkit.errors import ConfigError
from lmkit.suggestions import did_you_mean

FOLDER = Path(__file__).parent
RECIPES = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
"""The names of the recipes that come with lmkit."""
SUFFIX = ".toml"
NOT_IN_A_RECIPE = frozenset({"inputs", "inputs_from", "output", "recipe", "plugin"})


@dataclass(frozen=True)
class Recipe:
    """The options of a recipe, by command."""

    name: str
    """As it was typed: a name, or the path of a file."""
    sha256: str
    """Of the file."""
    tables: Mapping[str, Mapping[str, Any]]

    def options_of(self, command: str, known: Mapping[str, Option]) -> Mapping[str, Any]:
        """Return the options of a command, of which the `known` exist; ConfigError for another."""
        if command not in self.tables:
            there = ", ".join(self.tables) or "no command"
            raise ConfigError(
                f"--recipe: {self.name} has no options for {command}; it has some for {there}",
                f"leave --recipe out, or add a [{command}] table",
            )
        table = self.tables[command]
        for key in keys_of(table):
            option = known.get(key)
            if option is None:
                group = any(name.startswith(f"{key}.") for name in known)
                problem = (
                    "must be a table" if group else f"no such option{did_you_mean(key, known)}"
                )
            elif option.field.exclude or key in NOT_IN_A_RECIPE:
                problem = "can't be in a recipe, which holds what to make; give it with the command"
            else:
                continue
            raise ConfigError(
                f"--recipe: {self.name}: {command}.{key}: {problem}", f"see: lmkit {command} --help"
            )
        return table


def read_recipe(name: str) -> Recipe:
    """Return the recipe with a name, or that of a .toml file. Raises ConfigError."""
    path = FOLDER / f"{name}{SUFFIX}" if name in RECIPES else Path(name)
    if name not in RECIPES and path.suffix != SUFFIX:
        raise ConfigError(
            f"--recipe: got {name}, no such recipe{did_you_mean(name, RECIPES)}",
            f"there are {', '.join(RECIPES)}; or give a file of your own, which ends in {SUFFIX}",
        )
    try:
        data = read_bounded(path)
        tables = tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise ConfigError(f"--recipe: cannot read {name}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"--recipe: {name}: {error}") from None
    for key, value in tables.items():
        if not isinstance(value, dict):
            raise ConfigError(
                f"--recipe: {name}: {key} is outside any table", "put it below [clean] or [dedup]"
            )
    return Recipe(name, hashlib.sha256(data).hexdigest(), tables)


def keys_of(table: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the dotted names of what a table sets.

    >>> keys_of({"language": "en", "pii": {"action": "tag"}})
    ['language', 'pii.action']
    """
    return [
        key
        for name, value in table.items()
        for key in (
            keys_of(cast(dict[str, Any], value), f"{prefix}{name}.")
            if isinstance(value, dict)
            else [prefix + name]
        )
    ]


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of two tables; those `above` override.

    >>> merged({"pii": {"action": "tag"}, "seed": 1}, {"pii": {"kinds": "ip"}, "seed": 2})
    {'pii': {'action': 'tag', 'kinds': 'ip'}, 'seed': 2}
    """
    result = dict(below)
    for name, value in above.items():
        under = result.get(name)
        if isinstance(under, Mapping) and isinstance(value, Group):
            value = {each: getattr(value, each) for each in value.model_fields_set}
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            value = merged(cast(Any, under), cast(Any, value))
        result[name] = value
    return result
