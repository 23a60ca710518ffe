"""A folder that lmkit made, finished or not, as far as its own records describe it.

Choices:
- Of an unfinished folder, the plan and the receipts of its finished tasks take the place of the
  manifest.
- Of a folder at a URL, one listing shows which files are there. The receipts of a run that writes
  to a URL are on the machine where it works.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lmkit.artifacts.destination import PLAN
from lmkit.artifacts.finished_folders import (
    damaged_files,
    is_made_by_lmkit,
    remote_manifest,
    size_problem,
)
from lmkit.artifacts.manifest import (
    MANIFEST,
    Counts,
    Manifest,
    Output,
    Plan,
    read,
    refuse_other_format,
)
from lmkit.artifacts.tasks import PARTIAL, Receipt
from lmkit.errors import InputError, LmkitError
from lmkit.storage.json_bytes import from_json
from lmkit.storage.remote_files import RemoteFile, State, file_at, open_file, shown, time_of


@dataclass(frozen=True)
class OpenedFolder:
    """A folder, with its manifest, or with its plan and the receipts of its tasks."""

    path: Path
    plan: Plan
    receipts: tuple[Receipt, ...] = ()
    listed: Mapping[str, State] | None = None
    """The files that it holds, if it is at a URL."""

    @property
    def shown(self) -> str:
        """Its path as a person would type it."""
        return shown(self.path)

    @property
    def finished_at(self) -> datetime | None:
        """When its manifest was written, in local time; None if it isn't finished, or unknown."""
        return time_of(self.path / MANIFEST) if self.manifest else None

    def damaged_files(self) -> Iterator[str]:
        """Yield a sentence for each file that is missing, or has another size than was written."""
        if self.listed is None:
            yield from damaged_files(self.path, self.outputs)
            return
        for output in self.outputs:
            found = self.listed.get(output.name)
            if problem := size_problem(found.size if found else None, output):
                yield f"{self.shown}/{output.name}: {problem}"

    @property
    def manifest(self) -> Manifest | None:
        """Its manifest, None of an unfinished folder."""
        return self.plan if isinstance(self.plan, Manifest) else None

    @property
    def details(self) -> dict[str, Any]:
        """What its manifest records of the results; nothing of an unfinished folder."""
        return self.manifest.details if self.manifest else {}

    @property
    def outputs(self) -> list[Output]:
        """The files that were written."""
        if self.manifest:
            return [*self.manifest.outputs]
        return [output for receipt in self.receipts for output in receipt.outputs]

    @property
    def counts(self) -> Counts:
        """The counts of documents by outcome."""
        if self.manifest:
            return self.manifest.counts
        return Counts.total(receipt.counts for receipt in self.receipts)


def is_begun(folder: Path) -> bool:
    """Return whether a folder holds a manifest, or the plan of an unfinished run."""
    return (folder / MANIFEST).is_file() or (folder / PARTIAL / "plan.json").is_file()


def open_folder(folder: Path, command: str = "inspect") -> OpenedFolder:
    """Read the manifest of a folder, or what an unfinished run has left.

    Raises InputError, whose hint names the `command` that was typed.
    """
    if isinstance(found := file_at(folder), RemoteFile):
        if command != "inspect":
            raise InputError(
                f"{found.url}: lmkit {command} reads folders on a disk",
                "copy the folder to this machine, and name the copy",
            )
        return _open_remote(folder, found)
    if not folder.exists():
        raise InputError(f"{folder}: no such folder", "name a folder that lmkit wrote")
    if not folder.is_dir():
        raise InputError(
            f"{folder}: a file, must be a folder",
            f"try: lmkit {command} {_containing_folder(folder)}",
        )
    try:
        if manifest := read(Manifest, folder / MANIFEST):
            refuse_other_format(manifest, folder)
            return OpenedFolder(folder, manifest)
        plan = read(Plan, folder / PARTIAL / "plan.json")
    except InputError:
        raise
    except LmkitError:
        raise InputError(*_not_a_manifest(folder)) from None
    if plan is None:
        containing = _containing_folder(folder)
        hint = (
            f"try: lmkit {command} {containing}"
            if containing != folder
            else "name a folder that lmkit wrote"
        )
        raise InputError(f"{folder}: not made by lmkit: it holds no {MANIFEST}", hint)
    refuse_other_format(plan, folder)
    return OpenedFolder(folder, plan, tuple(_receipts(folder)))


def _open_remote(folder: Path, found: RemoteFile) -> OpenedFolder:
    """Read the manifest of a folder at a URL, or the plan of the run that writes it."""
    listed = {name: state for _, name, state in found.files_below()}
    plan: Plan | None = remote_manifest(found) if MANIFEST in listed else None
    if plan is None and PLAN in listed:
        with open_file(folder / PLAN) as file:
            data = file.read()
        try:
            plan = Plan.parsed(data)
        except ValueError:
            raise InputError(f"{found.url}/{PLAN}: damaged", "make that folder again") from None
        refuse_other_format(plan, found.url)
    if plan is None:
        raise InputError(
            f"{found.url}: not made by lmkit: it holds no {MANIFEST}",
            "name a folder that lmkit wrote",
        )
    return OpenedFolder(folder, plan, listed=listed)


def _containing_folder(path: Path) -> Path:
    """Return the folder that lmkit wrote and that contains a path, if any, else the path's own."""
    parents = (*path.parents, *path.absolute().parents)  # first those that were typed
    made = (parent for parent in parents if (parent / MANIFEST).is_file())
    return next(made, path if path.is_dir() else path.parent)


def _not_a_manifest(folder: Path) -> tuple[str, str]:
    """Return a message and a hint for a damaged manifest, or for one of another program."""
    path = folder / MANIFEST if (folder / MANIFEST).exists() else folder / PARTIAL / "plan.json"
    try:
        from_json(path.read_bytes())
        by_lmkit = is_made_by_lmkit(folder) or path.parent.name == PARTIAL
    except ValueError:
        by_lmkit = True  # unknown, but damaged
    if by_lmkit:
        return f"{path}: damaged", f"restore a good copy, or make {folder} again from its inputs"
    return f"{path}: not a file that lmkit wrote", "name a folder that lmkit wrote"


def _receipts(folder: Path) -> Iterator[Receipt]:
    for path in sorted((folder / PARTIAL).glob("*-[0-9]*.json")):
        try:
            if receipt := read(Receipt, path):  # a running command may remove it in the meantime
                yield receipt
        except LmkitError:
            continue  # the task will be run again
