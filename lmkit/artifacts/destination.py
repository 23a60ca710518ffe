"""Where an output folder is: on a disk, or in an object store.

Choice: a run works in a folder on a disk in either case; only what becomes visible to others, and
when, differs. `OutputFolder` decides what is refused, resumed or up to date; a destination answers
what is there and changes it.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from lmkit.artifacts.manifest import Manifest, Output, Plan, RecordT
from lmkit.artifacts.tasks import PARTIAL, Receipt
from lmkit.artifacts.upload import Upload

PLAN = f"{PARTIAL}/plan.json"


class Destination(Protocol):
    """An output folder, as far as it lies somewhere."""

    folder: Path
    """Where tasks write."""
    shown: str
    """Its path or URL, as a person would type it."""
    upload: Upload | None
    """What tasks do with the files that they have written."""

    def exists(self) -> bool:
        """Return whether anything is there. Raises OutputError if there can't be a folder."""
        ...

    def record(self, cls: type[RecordT], name: str) -> RecordT | None:
        """Return the record in a file, None if it is missing. Raises LmkitError if damaged."""
        ...

    def other_files(self, patterns: Sequence[str], *, known: bool) -> list[str]:
        """List the files that a stage didn't write (see `existing_folder.other_files`)."""
        ...

    def holds(self, output: Output, *, hashes: bool) -> bool:
        """Return whether a file is as it was written: its size, and its SHA-256 if `hashes`."""
        ...

    def lock(self) -> AbstractContextManager[None]:
        """Let no other run write. Raises OutputError if one does."""
        ...

    def begin(self, plan: Plan, patterns: Sequence[str], *, overwrite: bool) -> None:
        """Write the plan, and keep the results of tasks that were done with it.

        In this order, a kill in between leaves the old plan or the new one.
        """
        ...

    def publish(
        self, manifest: Manifest, receipts: Sequence[Receipt], is_stale: Callable[[str], bool]
    ) -> None:
        """Delete the files that are stale, write the manifest last, and delete scratch files."""
        ...

    def sweep(self) -> None:
        """Remove what a run that was killed after writing its manifest has left."""
        ...
