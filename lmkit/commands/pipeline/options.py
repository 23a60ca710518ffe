"""What can be set for `lmkit pipeline`."""

from pathlib import Path
from typing import Annotated

from lmkit.config import POSITIONAL, CommandConfig


class PipelineConfig(CommandConfig):
    """Run the stages of a .toml file in their order: each is up to date, resumed, or run."""

    stage = "pipeline"
    example = "lmkit pipeline pipeline.toml --from pack"

    file: Annotated[Path, POSITIONAL]
    """A .toml file with a [[stage]] for each command: `command`, a `name` where a command occurs
    twice, and its options as in a --config file. Paths are relative to the file, or to its
    `folder`."""

    from_: str | None = None
    """Name of the first stage to run; none: the first of the file."""

    to: str | None = None
    """Name of the last stage to run; none: the last of the file."""

    dry_run: bool = False
    """Check everything, list the stages and which are finished, and run nothing."""
