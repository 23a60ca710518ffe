"""The names of `import lmkit`: each command's function and options, `load` and `with_plugins`.

Choices:
- A command is imported when its name is first used: no command waits for the others.
- The functions are those of the command line. `clean` also takes records.
- A worker process that runs an unguarded script again ends at the first of these calls.
"""

from collections.abc import Callable
from functools import cache, wraps
from importlib import import_module
from typing import Any

from lmkit.commands.registry import COMMANDS, Command
from lmkit.execution.guarded_script import end_worker_that_runs_the_script
from lmkit.python.option_docs import documented

OTHERS = {
    "load": "lmkit.python.loaded_model",
    "with_plugins": "lmkit.plugins.extension",
}
"""Names that are no command's, and their modules."""
REPLACED = {"clean": "lmkit.python.record_inputs"}
"""Commands with a function of their own here, and its module."""


def public(name: str) -> Any:
    """Return what a name of the package stands for. Raises AttributeError."""
    for command in COMMANDS:
        if name == command.config_name:
            return documented(command.config)
        if name == command.function_name:
            return _function(command)
    if name in OTHERS:
        return getattr(import_module(OTHERS[name]), name)
    raise AttributeError(f"module 'lmkit' has no attribute {name!r}")


@cache
def _function(command: Command) -> Callable[..., Any]:
    """Return a command's function, for scripts."""
    name, module = command.function_name, REPLACED.get(command.name)
    function = getattr(import_module(module), name) if module else command.run

    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        end_worker_that_runs_the_script()
        return function(*arguments, **options)

    call.__module__, call.__qualname__ = "lmkit", name  # where a pickled function is found again
    return call
