"""A store on this disk, so that what a run reads back from one can be damaged, too.

    python -m tests.fuzzing.disk_store clean raw --output disk://bucket/clean

`disk://bucket/clean` is the folder `store/bucket/clean` below the current one.
"""

import sys
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from lmkit.artifacts import lease
from lmkit.cli import main

PROTOCOL = "disk"
FOLDER = "store"


class DiskStore(LocalFileSystem):
    """The file system; nothing of it is kept between two commands."""

    protocol = PROTOCOL
    cachable = False

    def __init__(self, **options: Any) -> None:
        super().__init__(auto_mkdir=True, **options)

    @classmethod
    def _strip_protocol(cls, path: Any) -> str:
        text = str(path)
        if text.startswith(f"{PROTOCOL}://"):
            text = str(Path.cwd() / FOLDER / text.removeprefix(f"{PROTOCOL}://"))
        return super()._strip_protocol(text)


def register_store() -> None:
    """Let commands of this process know the store; a lease is theirs at once."""
    fsspec.register_implementation(PROTOCOL, DiskStore, clobber=True)
    lease.SETTLED_AFTER = 0.0


if __name__ == "__main__":
    register_store()
    sys.exit(main(sys.argv[1:]))
