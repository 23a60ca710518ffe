"""The options of `lmkit inspect`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from lmkit.config import POSITIONAL, CommandConfig


class InspectConfig(CommandConfig):
    """Show what a folder that lmkit made holds, and where it came from."""

    stage = "inspect"
    example = "lmkit inspect work/packed"
    takes_plugins = True

    folder: Annotated[Path, POSITIONAL]
    """A folder that lmkit made, finished or not, also at s3://; a checkpoint of a run, or a
    Transformers folder."""

    other: Annotated[Path | None, POSITIONAL] = None
    """A second folder of the same command: show in what the two differ, and nothing else."""

    samples: Annotated[int, Field(ge=0)] = 3
    """Documents to show of each kind, or items with --task."""

    seed: int = 0
    """Seed for which documents and sequences are shown."""

    text: str | None = None
    """Show how the folder's tokenizer tokenizes this text, and nothing else."""

    rules: bool = False
    """Of a cleaned folder: show what each rule removes, and nothing else."""

    limits: str | None = None
    """With --rules: other limits than the folder was made with:
    gopher.min_words=30,c4.min_sentences=none."""

    document: str | None = None
    """Of a cleaned folder: show the verdict on the document with this id, with all its signals."""

    task: str | None = None
    """Of a folder of lmkit eval: show items of this task that the model got wrong, and nothing
    else."""
