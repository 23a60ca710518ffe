"""What stands in an output folder before a run: whether it may be written to.

Choice: a folder is a stage's own if it holds nothing but what the stage writes, and what a run that
was killed has left in .partial. Links are never its own: nothing is written through one.
"""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lmkit.artifacts.input_lists.read_ranges import RangesByInput, ReadRanges
from lmkit.artifacts.input_lists.streamed_inputs import LIST, LIST_NAME
from lmkit.artifacts.lease import LEASE
from lmkit.artifacts.lock import LOCK
from lmkit.artifacts.manifest import MANIFEST, read
from lmkit.artifacts.tasks import PARTIAL, Receipt
from lmkit.errors import LmkitError, OutputError

SCRATCH = (
    rf"{re.escape(PARTIAL)}/plan\.json\.\d+-\d+",
    rf"{re.escape(PARTIAL)}/slurm/.*",
    rf"{re.escape(PARTIAL)}/(plan\.json|[a-z-]+-\d{{5,}}\.(json|scratch)|.*\.\d+-\d+)",
)
"""The content of .partial: an unfinished plan; plan, receipts, scratch files, unfinished files."""
LISTS = (rf"{re.escape(PARTIAL)}/({LIST_NAME}|{re.escape(LIST)}(\.\d+-\d+)?)",)
"""The inputs of a plan, complete or not."""

LEASES = (rf"{re.escape(LEASE)}(\.\d+-0)?",)
"""Where the file system has no locks: the lease of a run, perhaps of one that was killed."""


def refuse_path(path: Path) -> None:
    """Raise OutputError for a path that can't be a folder.

    What would make `mkdir` fail: a name that isn't UTF-8, a file or dangling link in the path.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise OutputError(
            f"--output: {path}: not UTF-8", "choose a name that every library can write to"
        ) from None
    if path.exists() and not path.is_dir():
        raise OutputError(f"--output: {path} is a file, must be a folder")
    for part in [path, *path.parents]:
        if part.is_symlink() or part.exists():
            if not part.is_dir():
                raise OutputError(f"--output: {path}: {part} is not a folder")
            return


def refuse(
    path: Path | str, changes: Sequence[str], *, begun: bool, hint: str | None = None
) -> None:
    """Raise the error for a folder that was made, or started, with another plan."""
    state = "started" if begun else "made"
    others = "choose another --output, or --overwrite this one"
    raise OutputError(
        f"--output: {path} was {state} with other options or inputs:\n  " + "\n  ".join(changes),
        hint or (f"restore them to resume, {others}" if begun else others),
    )


def other_files(path: Path, patterns: Sequence[str], *, known: bool) -> list[str]:
    """List the files of a folder that a stage didn't write, which writes those of some patterns.

    In a `known` folder, .partial is its own.
    """
    names = [name for name in files_below(path) if name != MANIFEST or not known]
    # A run that was killed before its plan was renamed has left nothing else.
    scratch = (*SCRATCH, LIST_NAME, *LEASES) if known else (SCRATCH[0], *LEASES)
    return [
        name
        for name in names
        if (path / name).is_symlink()
        or not (
            (name == LOCK and not (path / name).stat().st_size)
            or matches(name, (*scratch, *LISTS))
            or (known and matches(name, patterns))
        )
    ]


def files_below(folder: Path) -> list[str]:
    """List every file and link below a folder, without following links."""
    found: list[str] = []
    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        found += [Path(parent, name).relative_to(folder).as_posix() for name in [*files, *links]]
    return sorted(found)


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a name matches one of the patterns, as a whole."""
    return any(re.fullmatch(pattern, name) for pattern in patterns)


def ranges_read(scratch: Path) -> RangesByInput:
    """Return the ranges of each input that the finished tasks of an interrupted run have read."""
    found: list[ReadRanges] = []
    for path in sorted(scratch.glob("*-[0-9]*.json")):
        with suppress(LmkitError):  # an invalid receipt means an unfinished task
            if receipt := read(Receipt, path):
                found.append(receipt.read)
    return RangesByInput(found)
