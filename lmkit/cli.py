"""The command line: one command is run, and what it prints or raises is shown.

Choices:
- Typer parses (see `flags`), pydantic validates.
- One message, one hint, no traceback; `--debug` adds the traceback. A bug always has one.
- Only the options of the command that was typed are imported; its work, torch and other large
  libraries are imported when the work begins, so that `--help` is fast.
- A command prints its result on standard output; `--json` prints the same for scripts. One whose
  result grows, as a text does that a model generates, prints it in parts.
"""

import errno
import inspect
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib.metadata import version
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from lmkit.artifacts.options import WritesShards
from lmkit.commands.registry import COMMANDS, Command, command_named
from lmkit.config import PLUGIN, CommandConfig, StageConfig, options
from lmkit.config_values import load
from lmkit.errors import ConfigError, Interrupted, LmkitError
from lmkit.execution import interrupt_signals
from lmkit.execution.executors.options import SharesTasks
from lmkit.execution.forced_end import forced_end
from lmkit.execution.interrupt_signals import was_interrupted
from lmkit.execution.progress import readable
from lmkit.execution.ranks import rank
from lmkit.flags import (
    CONFIG_FLAG,
    DEBUG_FLAG,
    JSON_FLAG,
    PLUGIN_FLAG,
    CommandOfFlags,
    identifier,
    is_about_running,
    parameter,
)
from lmkit.suggestions import did_you_mean
from lmkit.training.planning.jemalloc import restart_with_jemalloc

SECONDS_FOR_RANK_ZERO = 2
OUT_OF_MEMORY = (
    *("allocate memory", "out of memory", "not enough memory", "failed to map segment"),
    *("bad_alloc", "can't start new thread"),
)
"""In the messages of torch, zstd, the dynamic linker, C++ and Python."""
CONTEXT = {"help_option_names": ["--help", "-h"]}
HELP = "From raw text to a pre-trained language model that you can trust, one command per step."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    _open_streams()
    typed = _as_flags(list(sys.argv[1:] if arguments is None else arguments))
    if "--debug" not in typed:
        os.environ["RUST_BACKTRACE"] = "0"  # read by libraries in Rust when they fail
    if (
        arguments is None
        and typed[:1] in (["plan"], ["pretrain"])
        and not {*typed} & {"--help", "-h"}
    ):
        restart_with_jemalloc()
    if threading.current_thread() is not threading.main_thread():
        return _main(typed)
    until_exit = arguments is None  # it is this process's command
    with (
        interrupt_signals.handled(until_exit=until_exit),
        forced_end({interrupt_signals.interrupt}, Interrupted.exit_code),
    ):
        try:
            with interrupt_signals.raising():
                exit_code = _main(typed)
        except BaseException:
            if not was_interrupted():
                raise
            exit_code = _interrupted(typed)  # the signal came while an error was printed
        if until_exit and was_interrupted() and exit_code:
            _exit(exit_code)
        return exit_code


def _exit(exit_code: int) -> NoReturn:
    """End the process without Python's own end.

    That would wait for threads of libraries; and where the interrupt came while a library ran
    Python code (PyRun_String in C), it would change the exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(exit_code)


def _main(typed: list[str]) -> int:
    """Run a command; once a signal has come, whatever error follows is an effect of it."""
    try:
        app = _app(typed)
        exit_code = app(typed or ["--help"], prog_name="lmkit", standalone_mode=False) or 0
    except BaseException as error:
        is_effect = isinstance(error, KeyboardInterrupt) or was_interrupted()
        if is_effect and not isinstance(error, Interrupted):
            return _interrupted(typed)
        return _failed(error, typed)
    return _interrupted(typed) if exit_code == Interrupted.exit_code else exit_code


def _interrupted(typed: list[str]) -> int:
    if "--debug" in typed and sys.exception():
        traceback.print_exc()
    return _fail(Interrupted("interrupted", "the same command resumes"))


def _failed(error: BaseException, typed: list[str]) -> int:
    """Print an error and return the exit code; raise it again if it is a bug."""
    # Whatever read standard output has closed it, as `head` does.
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    is_about_memory = False
    if isinstance(error, LmkitError | OSError | typer.TyperException):
        shown = _explained(error, typed)
    elif type(error).__name__ == "PanicException":  # of a library in Rust; it is no Exception
        first = (str(error).splitlines() or [""])[0]
        shown = LmkitError(f"a library failed: {first}", "one of the inputs is damaged")
    elif isinstance(error, Exception) and _is_about_memory(error):
        shown, is_about_memory = error, True
    else:
        raise error
    # Read from `typed`, since the error may come from before parsing.
    if "--debug" in typed:
        traceback.print_exc()
    return _out_of_memory(typed) if is_about_memory else _fail(shown)


def _open_streams() -> None:
    """Make all three streams usable: a closed one is empty, and an ASCII one gets escapes."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:  # a file that is opened would get its number, and what is printed
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
        stream = getattr(sys, name)
        if stream is None:
            mode = "w" if number else "r"
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
        elif number and isinstance(stream, TextIOWrapper) and stream.errors != "backslashreplace":
            stream.reconfigure(errors="backslashreplace")


def _out_of_memory(typed: Sequence[str]) -> int:
    """Print the error with what is imported already: there is no memory for rich's tables."""
    if not rank():
        command = command_named(typed[0]) if typed else None
        hint = "run it on a machine with more memory, or with more of it free"
        if command and issubclass(command.config, SharesTasks):
            hint = "finished tasks are kept: run the same command again, with fewer --workers"
        print(f"Error: out of memory\nHint: {hint}", file=sys.stderr, flush=True)
    return LmkitError.exit_code


def _is_about_memory(error: Exception) -> bool:
    """Return whether memory was missing, which few libraries say by MemoryError."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in text for sign in OUT_OF_MEMORY)


def _as_flags(typed: list[str]) -> list[str]:
    """Take `lmkit help pack` for `lmkit pack --help`, and `lmkit version` for its flag."""
    if typed[:1] == ["help"]:
        return [*typed[1:], "--help"]
    return ["--version"] if typed == ["version"] else typed


def _explained(error: Exception, typed: Sequence[str]) -> Exception:
    """Say of a wrong flag which one may have been meant, and where all of them are listed."""
    command = command_named(typed[0]) if typed else None
    if command is None or not isinstance(error, typer.TyperException):
        return error
    message, hint = error.format_message(), f"see: lmkit {command.name} --help"
    if flag := getattr(error, "option_name", None):  # of a flag that doesn't exist
        known = [each.typed[2:] for each in options(command.config) if not each.positional]
        guess = did_you_mean(flag.lstrip("-"), known, before="--")
        message = f"{flag}: no such option of lmkit {command.name}{guess}"
    return ConfigError(message, hint)


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
    # Not rich's own check: with FORCE_COLOR, which CI sets, it always detects a terminal.
    is_terminal = sys.stderr.isatty()
    console = Console(stderr=True, soft_wrap=True, highlight=False, force_terminal=is_terminal)
    console.print(f"[bold red]Error:[/] {escape(readable(message))}")
    if hint:
        console.print(f"[dim]Hint: {escape(readable(hint))}[/]")
    return exit_code


class _Help:
    """Shows --help without a type, like other switches."""

    def get_help_option(self, ctx: Any) -> Any:
        """Return the option of the help."""
        if option := super().get_help_option(ctx):  # type: ignore[misc]
            option.metavar = " "
        return option


class _Command(_Help, CommandOfFlags): ...


class _Commands(_Help, TyperGroup): ...


def _show_version(wanted: bool) -> None:
    if wanted:
        print("lmkit", version("lmkit"))
        raise typer.Exit


def _lmkit(
    _: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar=" ",
            callback=_show_version,
            is_eager=True,
            help="Show the version.",
        ),
    ] = False,
) -> None: ...


def _app(typed: Sequence[str]) -> typer.Typer:
    """Make the command line: the command that was typed, with its flags, or a list of all."""
    app = typer.Typer(
        cls=_Commands,
        help=HELP,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings=CONTEXT,
    )
    app.callback()(_lmkit)
    chosen = [command for command in COMMANDS if typed and command.name == typed[0]]
    for command in chosen or COMMANDS:
        config = _with_plugins(command.config, typed) if chosen else command.config
        function = _function(command, config) if chosen else _stub
        text = escape(config.about())
        example = f"[bold]Example:[/] {escape(config.example)}" if chosen else None
        app.command(
            command.name, cls=_Command, help=text, epilog=example, context_settings=CONTEXT
        )(function)
    return app


def _with_plugins(config: type[CommandConfig], typed: Sequence[str]) -> type[CommandConfig]:
    """Return the options with those of the plugins that were typed, whose flags are unknown yet."""
    flag = f"--{PLUGIN}"
    locations = [after for flags, after in pairwise(typed) if flags == flag]
    locations += [each.partition("=")[2] for each in typed if each.startswith(f"{flag}=")]
    if not locations or not config.takes_plugins:
        return config
    from lmkit.plugins.extension import with_plugins  # slow to load, and seldom needed

    return with_plugins(config, *locations)


def _stub() -> None: ...


def _function(of: "Command", config: type[CommandConfig]) -> Callable[..., None]:
    """Make a function that Typer can call; the options of a config are its parameters."""
    typed_options = [option for option in options(config) if option.key != PLUGIN]
    keys = {identifier(option): option.key for option in typed_options}

    def command(
        *,
        config_file: Annotated[Path | None, CONFIG_FLAG] = None,
        as_json: Annotated[bool, JSON_FLAG] = False,
        debug: Annotated[bool, DEBUG_FLAG] = False,  # noqa: ARG001 (main looks for it)
        plugin: Annotated[list[str] | None, PLUGIN_FLAG] = None,  # noqa: ARG001 (_app looks for it)
        **values: object,
    ) -> None:
        typed = {
            keys[name]: value for name, value in values.items() if value is not None and value != []
        }
        options_in_force = load(config, config_file, typed, [each.name for each in COMMANDS])
        _run_and_print(of, options_in_force, as_json=as_json)

    *common, plugins, _ = inspect.signature(command).parameters.values()
    common += [plugins] * config.takes_plugins
    # Typer makes flags from the signature.
    command.__signature__ = inspect.Signature(  # pyright: ignore[reportFunctionMemberAccess]
        [parameter(option) for option in sorted(typed_options, key=is_about_running)] + common
    )
    return command


def _run_and_print(of: Command, config: CommandConfig, *, as_json: bool) -> None:
    """Run a command, and print its result: at the end, or while it grows."""
    _import_in_advance(of, config)
    if of.result_parts is not None:
        _print_parts(of.result_parts(config, as_json))
        return
    result = of.run(config)
    if rank() == 0:
        from lmkit.execution.terminal_width import folded  # --help needs none of it
        from lmkit.text.json_output import json_text

        text = json_text(result) if as_json else folded(of.result_text(config, result))
        print(text, flush=True)


def _import_in_advance(of: Command, config: CommandConfig) -> None:
    """Let the server of worker processes import a command's work while this process does."""
    if not isinstance(config, WritesShards) or getattr(config, "executor", "local") != "local":
        return
    if isinstance(config, StageConfig) and config.workers > 1:
        from lmkit.execution.fork_server import start_fork_server  # --help needs none of it

        # `lmkit` is a script, which each worker runs up to `main`; `python -m lmkit` is none.
        is_script = sys.modules["__main__"].__spec__ is None
        start_fork_server([of.module, *([__name__] if is_script else [])])


def _print_parts(parts: Iterator[str]) -> None:
    """Print each part at once; of several processes, only rank 0 prints."""
    last = ""
    try:
        for part in parts:
            if rank() == 0:
                print(part, end="", flush=True)
                last = part or last
    except KeyboardInterrupt:
        if last and not last.endswith("\n") and sys.stdout.isatty():
            print(flush=True)  # the error gets a line of its own
        raise Interrupted("interrupted", "the same command starts from the beginning") from None
