"""A finished folder in a store, copied to a disk: for what libraries read from a disk only.

Choice: the copy is named by the content of the folder, and every file is compared with the manifest
when it is copied and whenever it is used, so that it is made once and never out of date.
"""

import shutil
from pathlib import Path

from lmkit.artifacts.manifest import MANIFEST, Manifest
from lmkit.errors import LmkitError
from lmkit.execution.progress import progress
from lmkit.storage.atomic_files import atomic_write, sha256
from lmkit.storage.byte_ranges import hash_range
from lmkit.storage.remote_files import open_file, shown


def local_copy(folder: Path, manifest: Manifest, copies: Path) -> Path:
    """Return a copy, below `copies`, of a finished folder.

    Raises LmkitError where the folder doesn't hold what its manifest lists.
    """
    copy = copies / f"{folder.name}-{manifest.fingerprint[:16]}"
    copy.mkdir(parents=True, exist_ok=True)
    with progress(f"copying {shown(folder)}", None):
        for output in manifest.outputs:
            path = copy / output.name
            if not path.is_file() or hash_range(path, 0, output.bytes) != output.sha256:
                path.parent.mkdir(parents=True, exist_ok=True)
                _copy(folder / output.name, path, output.sha256)
    manifest.write(copy / MANIFEST, copy)
    return copy


def _copy(source: Path, path: Path, digest: str) -> None:
    with atomic_write(path, path.parent) as temporary:
        with open_file(source) as remote, temporary.open("wb") as file:
            shutil.copyfileobj(remote, file, 1 << 20)
        if sha256(temporary) != digest:
            raise LmkitError(
                f"{shown(source)}: doesn't match its {MANIFEST} (SHA-256)", "make that folder again"
            )
