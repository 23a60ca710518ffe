"""Locations: what a person typed, resolved once; everything else is dispatched on the type.

    LocalFile         a file on this machine
    LocalFolder       a folder of raw files on it
    FinishedFolder    a folder that lmkit made
    RemoteFile        a file or folder at a URL that fsspec reads
    HubDataset        a data set of the Hugging Face hub

Choice: plans and slices hold paths as strings, since there may be millions. `source_at` tells which
of the three kinds of sources such a path names; it doesn't touch what is there.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from lmkit.artifacts.finished_folders import finished_manifest, remote_manifest, size_problem
from lmkit.artifacts.manifest import MANIFEST, Manifest
from lmkit.artifacts.tasks import PARTIAL
from lmkit.errors import InputError
from lmkit.storage.hub import HubDataset, dataset_at
from lmkit.storage.remote_files import DiskFile, RemoteFile, State, file_at


@dataclass(frozen=True)
class LocalFile:
    """A file on this machine, and its state when it was found."""

    path: str
    state: State


@dataclass(frozen=True)
class LocalFolder:
    """A folder of raw files."""

    path: str


@dataclass(frozen=True)
class FinishedFolder:
    """A folder that lmkit made."""

    path: Path
    manifest: Manifest


Location = LocalFile | LocalFolder | FinishedFolder | RemoteFile | HubDataset


def source_at(path: str | Path) -> DiskFile | RemoteFile | HubDataset:
    """Return what kind of source a path names. Raises InputError for an unknown word of a data set.

    >>> source_at("books/a.txt"), source_at("hf://a/b").split
    (DiskFile(path='books/a.txt'), 'train')
    """
    found = file_at(path)
    return dataset_at(found) or found if isinstance(found, RemoteFile) else found


def located(path: str) -> Location:
    """Resolve what was typed. Raises InputError if there is nothing that can be read."""
    found = source_at(path)
    if not isinstance(found, DiskFile):
        return found
    state = _stat(path)
    if S_ISREG(state.st_mode):
        return LocalFile(path, State(state.st_size, state.st_mtime_ns))
    if manifest := finished_manifest(Path(path)):
        return FinishedFolder(Path(path), manifest)
    return LocalFolder(path)


def finished_remote_folder(top: RemoteFile, states: Mapping[str, State]) -> FinishedFolder | None:
    """Return the finished folder at a URL, with these files below it; None if it is none.

    Raises InputError for one that isn't finished, or doesn't hold what its manifest lists.
    """
    manifest = remote_manifest(top) if MANIFEST in states else None
    if manifest is None:
        if f"{PARTIAL}/plan.json" in states:
            raise InputError(
                f"{top.url}: not finished; its {MANIFEST} is written last",
                "run the command that writes it again: it resumes where it stopped",
            )
        return None
    for output in manifest.outputs:
        state = states.get(output.name)
        if problem := size_problem(state.size if state else None, output):
            raise InputError(f"{top.url}/{output.name}: {problem}", "make that folder again")
    return FinishedFolder(Path(top.path), manifest)


def _stat(path: str) -> os.stat_result:
    """Return the state of a file or folder. Raises InputError for anything else."""
    try:
        state = os.stat(path)  # noqa: PTH116 (a Path takes longer)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file or folder") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path}: cannot be read: {reason}") from None
    if not S_ISREG(state.st_mode) and not S_ISDIR(state.st_mode):
        raise InputError(f"{path}: a pipe, socket or device; must be a file or folder")
    return state
