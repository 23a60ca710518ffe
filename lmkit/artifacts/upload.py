"""What a task writes, uploaded to a store as soon as the task is done.

Choices:
- A task uploads its files before it writes its receipt: where there is a receipt, the files are in
  the store.
- What no later step reads is then deleted here, so that a disk needn't hold the whole output.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from os import getpid
from pathlib import Path

from lmkit.artifacts.manifest import Output, Record
from lmkit.storage.object_store import ObjectStore, md5
from lmkit.storage.request_retries import COUNTS


class Uploaded(Record):
    """The upload of a task's files."""

    md5: dict[str, str]
    """By name: what a listing of the store has to show."""
    kept: bool
    """Whether they are still on the disk, too."""
    process: int
    """Identifies the process, which counts its own requests."""
    sent: int
    """Requests."""
    repeated: int
    """Those of them that were sent because another had failed."""


@dataclass(frozen=True)
class Upload:
    """Uploads the files of tasks."""

    store: ObjectStore
    keeps: bool
    """Whether later steps read the files."""

    def __call__(self, folder: Path, outputs: Sequence[Output]) -> Uploaded:
        """Upload files of a folder."""
        before, digests = COUNTS.copy(), dict[str, str]()
        for output in outputs:
            digests[output.name] = md5(folder / output.name)
            self.store.put(folder / output.name, output.name)
        added = COUNTS.since(before)
        process = process_number(getpid())
        return Uploaded(
            md5=digests,
            kept=self.keeps,
            process=process,
            sent=added.sent,
            repeated=added.repeated,
        )

    def discard_copies(self, folder: Path, outputs: Sequence[Output]) -> None:
        """Delete the files on the disk that no later step reads."""
        for output in outputs if not self.keeps else ():
            (folder / output.name).unlink(missing_ok=True)


@cache
def process_number(process: int) -> int:
    """Return a random number of this process; processes of two machines may have one id."""
    del process
    return secrets.randbits(63)
