"""Finished folders that lmkit wrote, recognized and checked by their manifests."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from lmkit.artifacts.manifest import MANIFEST, Manifest, Output, read, refuse_other_format
from lmkit.errors import InputError, LmkitError
from lmkit.storage.byte_ranges import hash_range
from lmkit.storage.remote_files import DiskFile, RemoteFile, file_at, open_file, shown

KEYS = (b'"stage"', b'"lmkit"')
WRITTEN = re.compile(
    r"(documents|signals|rejected|quarantine|duplicates|cuts|contamination)-(validation-)?\d{5,}"
    r"\.(jsonl\.zst|parquet)"
)
"""Files that no other program names so."""


def finished_manifest(path: Path) -> Manifest | None:
    """Return the manifest of a finished folder, None for anything else.

    Raises InputError for a folder that lmkit has started and not finished, or whose manifest is
    damaged: its files must not be taken for plain ones.
    """
    if isinstance(found := file_at(path), RemoteFile):
        return remote_manifest(found)
    if not path.is_dir():
        return None
    try:
        manifest = read(Manifest, path / MANIFEST)
    except LmkitError:
        if is_made_by_lmkit(path):
            raise InputError(
                f"{path / MANIFEST}: damaged",
                f"restore a good copy, or make {path} again from its inputs",
            ) from None
        return None  # the manifest.json of another program
    if manifest is not None and manifest.stage != "pretrain":  # a run's model is still read
        refuse_other_format(manifest, path)
    if manifest is None and (path / ".partial" / "plan.json").exists():
        raise InputError(
            f"{path}: not finished; its manifest.json is written last",
            "run the command that writes it again: it resumes where it stopped",
        )
    return manifest


def remote_manifest(folder: RemoteFile) -> Manifest | None:
    """Return the manifest of a finished folder at a URL, None for anything else.

    Raises InputError for a manifest of lmkit that is damaged, or of another format.
    """
    try:
        with open_file(f"{folder.path}/{MANIFEST}") as file:
            data = file.read()
    except (FileNotFoundError, LmkitError):
        return None  # what reads the folder, or the file, reports what is wrong with it
    try:
        manifest = Manifest.parsed(data).located(folder.url)
    except ValueError:
        if not all(key in data for key in KEYS):
            return None  # the manifest.json of another program
        url = f"{folder.url}/{MANIFEST}"
        raise InputError(f"{url}: damaged", "make that folder again from its inputs") from None
    refuse_other_format(manifest, folder.url)
    return manifest


def is_made_by_lmkit(folder: Path) -> bool:
    """Return whether lmkit wrote a folder whose manifest.json it can't read.

    Other programs write files of that name, too; lmkit's has its keys, or files next to it.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return False
    return all(key in content for key in KEYS) or any(map(WRITTEN.fullmatch, names))


def check_finished(path: Path, *, hashes: bool, below: str = "") -> None:
    """Raise InputError if a finished folder doesn't hold what its manifest lists.

    Sizes are always compared, SHA-256s if `hashes`; for the names that begin with `below`.
    """
    manifest = finished_manifest(path)
    for output in manifest.outputs if manifest else ():
        file = path / output.name
        if not output.name.startswith(below):
            continue
        problem = size_problem(_size_of(file), output)
        if problem is None and hashes and hash_range(file, 0, output.bytes) != output.sha256:
            problem = "doesn't match its manifest.json (SHA-256)"
        if problem:
            raise InputError(f"{shown(file)}: {problem}", "make that folder again")


def size_problem(size: int | None, output: Output) -> str | None:
    """Return what is wrong with the size of a file, None being that of a missing one."""
    if size is None:
        return "is missing, but its manifest.json lists it"
    return None if size == output.bytes else "has another size than its manifest.json lists"


def _size_of(file: Path) -> int | None:
    found = file_at(file)
    if isinstance(found, DiskFile) and not file.is_file():
        return None
    try:
        return found.state().size
    except FileNotFoundError:
        return None


def damaged_files(folder: Path, outputs: Sequence[Output]) -> Iterator[str]:
    """Yield a sentence for each file that is missing, or has another size than was written."""
    for output in outputs:
        file = folder / output.name
        if not file.is_file():
            yield f"{file}: missing"
        elif (now := file.stat().st_size) != output.bytes:
            yield f"{file}: has {now:,} bytes, had {output.bytes:,} when it was written"
