"""Completion: print what a shell needs to complete lmkit's command line."""

from collections.abc import Iterator

from lmkit.commands.completion.bash_script import Completed, bash_script
from lmkit.commands.completion.options import CompletionConfig
from lmkit.commands.registry import COMMANDS
from lmkit.config import PLUGIN, CommandConfig, options, plain_type


def completion(config: CompletionConfig) -> str:
    """Return the script for a shell."""
    del config  # there is one shell
    return bash_script({each.name: [*_completed(each.config)] for each in COMMANDS})


def _completed(config: type[CommandConfig]) -> Iterator[Completed]:
    """Yield the options of a command."""
    for option in options(config):
        if option.key == PLUGIN:
            continue
        names = option.names or option.element_names
        if plain_type(option.field.annotation) is bool:
            off = option.typed.replace("--", "--no-", 1)
            yield Completed([option.typed, *([off] if option.field.default is True else [])])
            continue
        if names and option.can_be_off:
            names = (*names, "none")
        flags = [] if option.positional else [option.typed]
        yield Completed(flags, names, several=bool(option.element_names))
    if config.takes_plugins:
        yield Completed([f"--{PLUGIN}"])


def result_text(config: CompletionConfig, result: str) -> str:
    """Return the script."""
    del config
    return result.rstrip("\n")
