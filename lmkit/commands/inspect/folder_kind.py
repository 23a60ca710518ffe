"""What only the folders of one command show: its sections, and its samples."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.commands.inspect.options import InspectConfig

Sections = dict[str, Any]
"""The output: tables of facts, or lists of such tables, by title."""
Sampler = Callable[[InspectConfig, OpenedFolder], list[Sections]]
"""Returns the rows of a section of samples. May raise LmkitError or OSError for damaged files."""


@dataclass(frozen=True)
class FolderKind:
    """What only the folders of one command show."""

    sections: Callable[[OpenedFolder], Sections]
    """Returns sections from what the folder records, finished or not."""
    samples: tuple[tuple[str, Sampler], ...] = ()
    """Samples of a finished folder: the title of each section, and what fills it."""
