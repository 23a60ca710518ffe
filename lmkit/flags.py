"""The flags of a command: the options of its config, as Typer takes them.

Choices:
- To Typer every flag defaults to None, "not typed", so that a file can override defaults, and a
  flag a file. The defaults in the help are those of the config.
- Every flag but a switch is text to Typer: pydantic validates it, with the same messages as a
  value from a file.
"""

import inspect
from functools import partial
from keyword import iskeyword
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperArgument, TyperCommand

from lmkit.config import MANY_PATHS, PLUGIN, Option, plain_type

CONFIG_FLAG = typer.Option(
    "--config",
    help="Read options from a .toml file, or from the manifest.json of an earlier run.",
    metavar="PATH",
    rich_help_panel="Running",
)
JSON_FLAG = typer.Option(
    "--json", help="Print the result for a script.", metavar=" ", rich_help_panel="Running"
)
PLUGIN_FLAG = typer.Option(
    f"--{PLUGIN}",
    help="Load readers, transforms and rule sets from a Python file, or from an installed plugin "
    "by its name; repeat it for several.",
    metavar="PATH",
    rich_help_panel="Running",
)
DEBUG_FLAG = typer.Option(
    "--debug", help="Show the traceback of an error.", metavar=" ", rich_help_panel="Running"
)


ARGUMENT_TYPES = {"<path>": "PATH", "<list[Path]>": "PATH ...", "<str>": "TEXT"}
"""What Typer's help calls the types of arguments, and what this help does, as for flags."""


class CommandOfFlags(TyperCommand):
    """A command whose help shows one flag of each switch: two would leave no room for the text."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        for each in self.params:
            each.secondary_opts = []
            if isinstance(each, TyperArgument):
                each.display_type_rich = partial(_type_of_argument, each)
        super().format_help(ctx, formatter)


def _type_of_argument(argument: TyperArgument, ctx: Any) -> str:
    kind = argument.display_type(ctx)
    return ARGUMENT_TYPES.get(kind, kind)


def parameter(option: Option) -> inspect.Parameter:
    """Translate an option for Typer. A switch has two flags, of which the last one typed counts."""
    kind = plain_type(option.field.annotation)
    common: dict[str, Any] = {"help": _help(option), "rich_help_panel": _panel(option)}
    if option.positional:
        flag_type = {Path: Path, MANY_PATHS: list[Path]}.get(kind, str)
        info = typer.Argument(help=_help(option), metavar=option.typed)
    elif kind is bool:
        # Without a metavar of its own the help of a switch would show <bool>.
        flags = f"{option.typed}/{_off(option)}"
        flag_type, info = bool, typer.Option(flags, metavar=" ", **common)
    else:
        common |= {"metavar": _metavar(option)}
        flag_type = list[str] if option.repeated else str
        info = typer.Option(option.typed, **common)
    annotation = Annotated[flag_type | None, info]
    by_name = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(identifier(option), by_name, default=None, annotation=annotation)


def _off(option: Option) -> str:
    return option.typed.replace("--", "--no-", 1)


def _help(option: Option) -> str:
    default = option.field.default
    if option.field.is_required():
        note = "required"
    elif isinstance(default, bool):
        note = f"default: yes; off with {_off(option)}" if default else "default: no"
    elif default == ():
        note = ""
    else:
        note = f"default: {'none' if default is None else default}"
    text = escape(option.description)
    return f"{text} [dim]{escape(f'[{note}]')}[/]" if note else text


def identifier(option: Option) -> str:
    """Return the name of the parameter of an option, which no keyword of Python may be."""
    name = option.key.replace(".", "__")
    return f"{name}_" if iskeyword(name) else name


def _panel(option: Option) -> str:
    if option.group:
        return f"{option.key.rpartition('.')[0].capitalize()}: {inspect.getdoc(option.group)}"
    return "Running" if is_about_running(option) else "Options"


def is_about_running(option: Option) -> bool:
    """Return whether an option changes how a command runs, and not what it writes."""
    return bool(option.field.exclude)


def _metavar(option: Option) -> str:
    kind = plain_type(option.field.annotation)
    if option.names:
        return "|".join([*option.names, *(["PATH"] if option.takes_files else [])])
    return {Path: "PATH", MANY_PATHS: "PATH", int: "INT", float: "FLOAT"}.get(kind, "TEXT")
