"""The command line: flags made from configs, and errors made readable.

Choices:
- Typer parses, pydantic validates. Every flag but a switch reaches Typer as text, so that values
  from flags and from files are validated in one way, with the same messages.
- To Typer every flag defaults to None, "not typed", so that a file can override defaults, and a
  flag a file. The defaults in the help are those of the config.
- One message, one hint, no traceback; `--debug` adds the traceback. A bug always has one.
- Only the options of the command that was typed are imported; its work, torch and other large
  libraries are imported when the work begins, so that `--help` is fast.
- A command prints its result on standard output; `--json` prints the same for scripts.
"""

import errno
import inspect
import json
import math
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import version
from keyword import iskeyword
from pathlib import Path
from types import FrameType, NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NoReturn,
    Union,
    cast,
    get_args,
    get_origin,
)

import typer
from rich.console import Console
from rich.markup import escape

from lmkit.commands.registry import COMMANDS, Command
from lmkit.config import Option, load, options
from lmkit.errors import Interrupted, LmkitError
from lmkit.execution.progress import printable
from lmkit.execution.ranks import rank

SECONDS_FOR_RANK_ZERO = 2
HELP = "From raw text to a pre-trained language model that you can trust, one command per step."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, _as_interrupt)
    try:
        app = _app(typed)
        exit_code = app(typed or ["--help"], prog_name="lmkit", standalone_mode=False) or 0
    except BrokenPipeError:  # the reader of standard output has closed it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except (LmkitError, OSError, typer.TyperException) as error:
        # Read from `typed`, since the error may come from before parsing.
        if "--debug" in typed:
            traceback.print_exc()
        return _fail(error)
    except MemoryError:
        message = (
            "out of memory",
            "finished tasks are kept: run the same command again, with fewer --workers",
        )
        return _fail(LmkitError(*message))
    except KeyboardInterrupt:
        exit_code = Interrupted.exit_code
    if exit_code == Interrupted.exit_code:
        return _fail(Interrupted("interrupted", "the same command resumes"))
    return exit_code


def _as_interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """Exit as on Ctrl-C: batch systems send such a signal some time before they kill."""
    raise KeyboardInterrupt


def _fail(error: Exception) -> int:
    message, hint, exit_code = str(error), None, 1
    if isinstance(error, LmkitError):
        hint, exit_code = error.hint, error.exit_code
    elif isinstance(error, typer.TyperException):
        message, hint, exit_code = error.format_message(), "see: lmkit --help", error.exit_code
    elif isinstance(error, OSError) and error.strerror:
        message = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            hint = "finished tasks are kept: make room, and run the same command again"
    if rank():
        # A launcher kills all processes once one has exited: let rank 0 print its error first.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        time.sleep(SECONDS_FOR_RANK_ZERO)
        return exit_code
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(f"[bold red]Error:[/] {escape(printable(message))}")
    if hint:
        console.print(f"[dim]Hint: {escape(printable(hint))}[/]")
    return exit_code


def _show_version(wanted: bool) -> None:
    if wanted:
        print("lmkit", version("lmkit"))
        raise typer.Exit


def _lmkit(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None: ...


def _app(typed: Sequence[str]) -> typer.Typer:
    """Make the command line: the command that was typed, with its flags, or a list of all."""
    app = typer.Typer(
        help=HELP,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback()(_lmkit)
    chosen = [command for command in COMMANDS if typed and command.name == typed[0]]
    for command in chosen or COMMANDS:
        function = _function(command) if chosen else _stub
        app.command(command.name, help=escape(inspect.getdoc(command.config) or ""))(function)
    return app


def _stub() -> None: ...


def _function(of: "Command") -> Callable[..., None]:
    """Make a function that Typer can call; the options of a config are its parameters."""
    config = of.config
    keys = {_identifier(option): option.key for option in options(config)}

    def command(
        *,
        file: Annotated[Path | None, _CONFIG] = None,
        as_json: Annotated[bool, _JSON] = False,
        debug: Annotated[bool, _DEBUG] = False,  # noqa: ARG001 (main looks for it)
        **values: object,
    ) -> None:
        typed = {
            keys[name.removesuffix(_OFF)]: value
            for name, value in values.items()
            if value is not None and value != []
        }
        options_in_force = load(config, file, typed, [each.name for each in COMMANDS])
        result = of.run(options_in_force)
        if rank() == 0:
            text = _json_text(result) if as_json else of.result_text(options_in_force, result)
            print(text, flush=True)

    *common, _ = inspect.signature(command).parameters.values()
    # Typer makes flags from the signature.
    command.__signature__ = inspect.Signature(  # pyright: ignore[reportFunctionMemberAccess]
        [
            parameter
            for option in sorted(options(config), key=_is_about_running)
            for parameter in _parameters(option)
        ]
        + common
    )
    return command


_CONFIG = typer.Option(
    "--config",
    help="Read options from a .toml file, or from the manifest.json of an earlier run.",
    metavar="PATH",
    rich_help_panel="Running",
)
_JSON = typer.Option("--json", help="Print the result for a script.", rich_help_panel="Running")
_DEBUG = typer.Option("--debug", help="Show the traceback of an error.", rich_help_panel="Running")


_OFF = "__off"
MANY_PATHS = tuple[Path, ...]
"""The flag of such an option may be repeated."""


def _parameters(option: Option) -> list[inspect.Parameter]:
    """Translate an option for Typer.

    A switch becomes two flags, of which the help shows one: two in a row would leave no room.
    """
    kind = _plain_type(option.field.annotation)
    common: dict[str, Any] = {"help": _help(option), "rich_help_panel": _panel(option)}
    if option.positional:
        flag_type = Path if kind is Path else list[Path]
        info = typer.Argument(help=_help(option), metavar=option.typed)
    elif kind is bool:
        # Without a metavar of its own the help of a switch would show <bool>.
        flag_type, info = bool, typer.Option(option.typed, metavar=" ", **common)
    else:
        common |= {"metavar": "|".join(option.names) if option.names else _metavar(kind)}
        flag_type = list[str] if kind == MANY_PATHS else str
        info = typer.Option(option.typed, **common)
    parameters = [_named(_identifier(option), flag_type, info)]
    if kind is bool:
        off = typer.Option(f" /{_off(option)}", hidden=True)
        parameters.append(_named(_identifier(option) + _OFF, bool, off))
    return parameters


def _named(name: str, flag_type: Any, info: Any) -> inspect.Parameter:
    annotation = Annotated[flag_type | None, info]
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=None, annotation=annotation)


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


def _identifier(option: Option) -> str:
    name = option.key.replace(".", "__")
    return f"{name}_" if iskeyword(name) else name


def _panel(option: Option) -> str:
    if option.group:
        return f"{option.key.rpartition('.')[0].capitalize()}: {inspect.getdoc(option.group)}"
    return "Running" if _is_about_running(option) else "Options"


def _is_about_running(option: Option) -> bool:
    return bool(option.field.exclude)


def _plain_type(annotation: Any) -> Any:
    """Take the None, and the constraints, off a type."""
    if get_origin(annotation) is Annotated:
        return _plain_type(get_args(annotation)[0])
    # X | None is one type, or the other when X is Annotated.
    if get_origin(annotation) in {Union, UnionType}:
        return _plain_type(next(kind for kind in get_args(annotation) if kind is not NoneType))
    return annotation


def _metavar(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "|".join(get_args(kind))
    return {Path: "PATH", MANY_PATHS: "PATH", int: "INT", float: "FLOAT"}.get(kind, "TEXT")


def _json_text(result: Any) -> str:
    """Return a result as JSON that every parser takes.

    What was typed may hold bytes that aren't UTF-8, and an average over nothing is no number.
    """
    return json.dumps(_plain(result), allow_nan=False)


def _plain(result: Any) -> Any:
    from lmkit.text.surrogates import well_formed  # --help needs none of it

    if hasattr(result, "to_json"):
        result = result.to_json()
    if isinstance(result, dict):
        values = cast(dict[Any, Any], result)
        return {well_formed(str(key)): _plain(value) for key, value in values.items()}
    if isinstance(result, list | tuple):
        return [_plain(item) for item in cast(Sequence[Any], result)]
    if isinstance(result, str):
        return well_formed(result)
    return None if isinstance(result, float) and not math.isfinite(result) else result
