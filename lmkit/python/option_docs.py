"""The options of a command in `help()`, with the docs that the command line shows.

Choice: written when a class is first used as `lmkit.PretrainConfig`. Reading the docstrings of all
fields takes longer than `lmkit --help` does, which needs only some.
"""

import inspect
from typing import TypeVar

from lmkit.config import OPTIONS, CommandConfig, Option, options, plain_type

ConfigT = TypeVar("ConfigT", bound=CommandConfig)


def documented(config: type[ConfigT]) -> type[ConfigT]:
    """Give a class the docs of its options, if it hasn't them yet; return it."""
    if OPTIONS not in (config.__doc__ or ""):
        entries = "\n\n".join(map(_entry, options(config)))
        config.__doc__ = (
            f"{config.about()}\n\n{OPTIONS}\n{_HOW.format(config.__name__)}\n\n{entries}"
        )
    return config


_HOW = """A name with a dot is in a group: model.layers is {}(model={{"layers": 2}})."""


def _entry(option: Option) -> str:
    """Return the lines of an option: name, type and default, and its docs."""
    kind = plain_type(option.field.annotation)
    typed = " | ".join(map(repr, option.names)) or inspect.formatannotation(kind)
    required = option.field.is_required()
    first = f"{option.key}: {typed}" + ("" if required else f" = {option.field.default!r}")
    return "\n".join([first, *(f"    {line}" for line in option.description.splitlines())])
