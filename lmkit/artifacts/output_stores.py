"""Where the output that a person typed is: a folder on a disk, or one in an object store.

Choice: everything that can be known is checked before anything is written: the protocol, the
package that it needs, and that other machines see the folder in which the run works.
"""

import os
from pathlib import Path

from lmkit.artifacts.destination import Destination
from lmkit.artifacts.local_copies import local_copy
from lmkit.artifacts.local_destination import LocalDestination
from lmkit.artifacts.manifest import Manifest
from lmkit.artifacts.options import WritesToStores
from lmkit.artifacts.remote_destination import RemoteDestination
from lmkit.config import StageConfig
from lmkit.errors import ConfigError, OutputError
from lmkit.execution.executors.options import SharesTasks
from lmkit.storage.object_store import ObjectStore
from lmkit.storage.remote_files import RemoteFile, file_at, without_file_scheme

READ_ONLY = frozenset({"http", "https", "hf"})
RETRIES = SharesTasks.model_fields["retries"].default


def destination_of(config: StageConfig) -> Destination:
    """Return where a command writes. Raises RequestError if it can't be written to."""
    found = file_at(config.output)
    scratch = config.scratch if isinstance(config, WritesToStores) else None
    if not isinstance(found, RemoteFile):
        if scratch is not None:
            raise ConfigError(
                f"--scratch: got {scratch}, but --output {config.output} is a folder on a disk, "
                "which holds its own scratch files",
                "omit it",
            )
        return LocalDestination(config.output)
    url = found.url.rstrip("/")
    protocol = url.partition(":")[0]
    if protocol == "file":
        path = without_file_scheme(str(config.output))
        raise OutputError(f"--output: file://{path}: a path on this machine", f"--output {path}")
    if protocol in READ_ONLY or not isinstance(config, WritesToStores):
        raise OutputError(
            f"--output: {url}: nothing is written to {protocol}://",
            "write to a folder on a disk, or to s3://",
        )
    shares = config if isinstance(config, SharesTasks) else None
    if scratch is None and shares and shares.executor in {"ray", "slurm"}:
        raise ConfigError(
            f"--executor {shares.executor}: --scratch is missing: machines exchange files on the "
            f"way to {url}",
            "name a folder that all of them see under the same path",
        )
    work = scratch or default_scratch()
    _refuse_file(work)
    store = ObjectStore(url, shares.retries if shares else RETRIES)
    store.connect()
    return RemoteDestination(store, work, keeps=config.reads_own_outputs)


def _refuse_file(scratch: Path) -> None:
    """Raise ConfigError where the folder for the work, or one above it, is a file."""
    found = next((path for path in (scratch, *scratch.parents) if path.exists()), None)
    if found is not None and not found.is_dir():
        raise ConfigError(f"--scratch: {found} is not a folder", "choose another --scratch")


def default_scratch() -> Path:
    """Return the folder for the work of runs whose outputs are in a store."""
    return _cache() / "outputs"


def on_disk(folder: Path, manifest: Manifest, config: WritesToStores | None = None) -> Path:
    """Return a finished folder if it is on a disk, else a copy of it where the command works."""
    scratch = config.scratch if config else None
    if not isinstance(file_at(folder), RemoteFile):
        return folder
    return local_copy(folder, manifest, (scratch or _cache()) / "copies")


def _cache() -> Path:
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lmkit"
    except RuntimeError:
        raise ConfigError(
            "--scratch: missing, and this user has no home folder", "name a folder for the work"
        ) from None
