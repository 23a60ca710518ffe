"""What can be set for `lmkit completion`."""

from typing import Annotated, Literal

from lmkit.config import POSITIONAL, CommandConfig


class CompletionConfig(CommandConfig):
    """Print a script that completes commands, options and their values in a shell."""

    stage = "completion"
    example = "lmkit completion bash > ~/.local/share/bash-completion/completions/lmkit"

    shell: Annotated[Literal["bash"], POSITIONAL] = "bash"
    """The shell."""
