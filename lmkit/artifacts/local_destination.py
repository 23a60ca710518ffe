"""An output folder on a disk: tasks write where the output lies."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from lmkit.artifacts.destination import PLAN
from lmkit.artifacts.existing_folder import files_below, other_files, refuse_path
from lmkit.artifacts.input_lists.streamed_inputs import remove_other_lists
from lmkit.artifacts.lease import LEASE
from lmkit.artifacts.lock import LOCK, folder_lock
from lmkit.artifacts.manifest import MANIFEST, Manifest, Output, Plan, RecordT, read
from lmkit.artifacts.tasks import PARTIAL, Receipt
from lmkit.artifacts.upload import Upload
from lmkit.errors import OutputError
from lmkit.storage.atomic_files import remove_leftovers
from lmkit.storage.byte_ranges import hash_range


class LocalDestination:
    """A folder on a disk."""

    upload: Upload | None = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shown = str(folder)
        self._scratch = folder / PARTIAL

    def exists(self) -> bool:
        """Return whether there is a folder. Raises OutputError if there can't be one."""
        refuse_path(self.folder)
        return self.folder.exists()

    def record(self, cls: type[RecordT], name: str) -> RecordT | None:
        """Return the record in a file, None if it is missing. Raises LmkitError if damaged."""
        return read(cls, self.folder / name)

    def other_files(self, patterns: Sequence[str], *, known: bool) -> list[str]:
        """List the files that a stage didn't write."""
        return other_files(self.folder, patterns, known=known)

    def holds(self, output: Output, *, hashes: bool) -> bool:
        """Return whether a file is as it was written."""
        file = self.folder / output.name
        matches = file.is_file() and file.stat().st_size == output.bytes
        return matches and not (hashes and hash_range(file, 0, output.bytes) != output.sha256)

    def lock(self) -> AbstractContextManager[None]:
        """Let no other run write; the folder is created."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return folder_lock(self.folder)

    def begin(self, plan: Plan, patterns: Sequence[str], *, overwrite: bool) -> None:
        """Write the plan, and keep the results of tasks that were done with it."""
        del patterns
        links = [name for name in files_below(self.folder) if (self.folder / name).is_symlink()]
        if links:
            raise OutputError(
                f"--output: {self.folder} holds a link ({links[0]}); nothing is written through it",
                "remove the link, or choose another --output",
            )
        self._scratch.mkdir(parents=True, exist_ok=True)
        remove_leftovers(self._scratch)
        if overwrite:
            for receipt in self._scratch.glob("*-[0-9]*.json"):
                receipt.unlink()
        written = plan.write(self.folder / PLAN, self._scratch)
        remove_other_lists(self._scratch, written)
        (self.folder / MANIFEST).unlink(missing_ok=True)

    def publish(
        self, manifest: Manifest, receipts: Sequence[Receipt], is_stale: Callable[[str], bool]
    ) -> None:
        """Delete the files that are stale, write the manifest last, and delete scratch files."""
        del receipts
        for name in files_below(self.folder):
            if is_stale(name):
                (self.folder / name).unlink()
        manifest.write(self.folder / MANIFEST, self._scratch)
        shutil.rmtree(self._scratch)

    def sweep(self) -> None:
        """Remove what a run that was killed after writing its manifest has left."""
        if self._scratch.exists() or any((self.folder / each).exists() for each in (LOCK, LEASE)):
            with suppress(OutputError), folder_lock(self.folder):  # unless another run holds it
                shutil.rmtree(self._scratch, ignore_errors=True)
