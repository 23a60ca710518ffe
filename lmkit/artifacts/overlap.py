"""Whether an output folder and the inputs overlap.

Choices:
- Paths are compared as the file system has them: through links, and through `..`.
- A folder is resolved once: among a million inputs most lie side by side.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from lmkit.errors import ConfigError
from lmkit.storage.remote_files import RemoteFile, file_at


def refuse_overlap(output: Path, inputs: Sequence[str | Path]) -> None:
    """Refuse to write into an input."""
    if isinstance(found := file_at(output), RemoteFile):
        _refuse_remote(found, inputs)
        return
    real_output = os.path.realpath(output)
    parents = {str(parent) for parent in Path(real_output).parents}
    inside = os.path.join(real_output, "")
    folders: dict[str, str] = {}
    for path in inputs:
        if isinstance(file_at(path), RemoteFile):
            continue
        other = _real(path, folders)
        if real_output == other:
            raise ConfigError(f"--output: {output} is also an input")
        if other in parents and os.path.isdir(other):
            raise ConfigError(f"--output: {output} is inside the input {path}")
        if other.startswith(inside):
            raise ConfigError(f"--output: the input {path} is inside {output}")


def _refuse_remote(output: RemoteFile, inputs: Sequence[str | Path]) -> None:
    inside = f"{output.url}/"
    for path in inputs:
        if not isinstance(other := file_at(path), RemoteFile):
            continue
        if output.url == other.url:
            raise ConfigError(f"--output: {output.url} is also an input")
        if output.url.startswith(f"{other.url}/"):
            raise ConfigError(f"--output: {output.url} is inside the input {other.url}")
        if other.url.startswith(inside):
            raise ConfigError(f"--output: the input {other.url} is inside {output.url}")


def _real(path: str | Path, folders: dict[str, str]) -> str:
    """Return the real path of a path; `folders` caches those of folders."""
    folder, name = os.path.split(path)
    if name in {"", ".", ".."} or os.path.islink(path):
        return os.path.realpath(path)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    return os.path.join(folders[folder], name)
