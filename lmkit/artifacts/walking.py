"""The files below a folder or an address.

Choices:
- Files with an unknown ending in a folder are left alone and counted; named one by one, they are
  an error. Token files (.bin) are read only where they are named: in a folder they may be anything.
- Hidden files and links to folders are not followed; what lmkit wrote beside documents is none.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG

from lmkit.artifacts.addresses import State, files_below, shown
from lmkit.artifacts.formats import FORMATS, Format, format_by_name
from lmkit.artifacts.made_folders import made_by_lmkit
from lmkit.artifacts.manifest import MANIFEST
from lmkit.errors import InputError

NOT_DOCUMENTS = (
    r"(rejected|quarantine|duplicates|cuts|contamination)-(validation-)?\d{5,}\.jsonl\.zst"
)
CACHES = re.compile(r"(cache-|tmp).*")
"""What `datasets` leaves beside the files of a saved data set when somebody works on it there."""


def walk_remote(
    path: Path,
    address: str,
    accepted: set[Format],
    forced: Format | None,
    left_alone: dict[str, int],
) -> Iterator[tuple[Path, str, Format, State]]:
    """Find the files at an address, or the one file that it is."""
    read = 0
    for file, origin, state in files_below(path, address):
        if any(part.startswith(".") for part in origin.split("/")):
            continue
        if re.fullmatch(NOT_DOCUMENTS, file.name):
            raise InputError(
                f"{address}: holds {origin or file.name}, which lmkit wrote",
                "copy a folder that lmkit made here to read it by its manifest, or name its "
                "documents-*.jsonl.zst one by one",
            )
        kind = forced or format_by_name(file, named=not origin, accepted=accepted)
        if kind is not None and (forced or kind in accepted):
            read += 1
            yield file, origin or file.name, kind, state
        elif not origin:
            raise InputError(not_accepted(path, kind, accepted))
        else:
            left_alone[file.suffix] = left_alone.get(file.suffix, 0) + 1
    if not read:
        known = ", ".join(sorted(suffixes(accepted)))
        raise InputError(f"{address}: no files to read in it ({known})")


def walk(
    folder: Path, accepted: set[Format], forced: Format | None, left_alone: dict[str, int]
) -> Iterator[tuple[Path, str, Format, State]]:
    """Find the files below a folder; hidden ones, and links to folders, are not followed."""

    def stop(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be searched: {error.strerror}")

    top = str(folder)
    for place, folders, names in os.walk(folder, onerror=stop):
        links = [name for name in folders if Path(place, name).is_symlink()]
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if Path(place) != folder and (made_by_lmkit(Path(place))):
            raise InputError(
                f"{folder}: holds {place}, which lmkit made, beside other files",
                "name the folders that lmkit made one by one: their rejects are not documents",
            )
        below = place[len(top) :].lstrip("/")
        saved_data_set = "state.json" in names and "dataset_info.json" in names
        for name in sorted(names):
            if name.startswith("."):
                continue
            path = Path(place, name)
            try:
                state = path.stat()
            except OSError:
                state = None
            if state is None or not S_ISREG(state.st_mode):
                links.append(name)  # dangling, or no file at all
                continue
            if re.fullmatch(NOT_DOCUMENTS, name):
                raise InputError(
                    f"{path}: lmkit wrote it, but there is no whole {MANIFEST} beside it",
                    "make that folder again, or name its documents-*.jsonl.zst one by one",
                )
            kind = forced or format_by_name(path, named=False, accepted=accepted)
            if saved_data_set and CACHES.fullmatch(name):
                kind = None
            if kind is not None and (forced or kind in accepted):
                origin = f"{below}/{name}" if below else name
                yield path, origin, kind, State(state.st_size, state.st_mtime_ns)
            else:
                left_alone[path.suffix] = left_alone.get(path.suffix, 0) + 1
        if links:
            left_alone["links"] = left_alone.get("links", 0) + len(links)


def suffixes(accepted: set[Format]) -> list[str]:
    """Return the endings of formats."""
    return [suffix for suffix, kind in FORMATS.items() if kind in accepted]


def not_accepted(path: Path, kind: Format | None, accepted: set[Format]) -> str:
    """Say why a file that was named can't be read."""
    known = ", ".join(sorted(suffixes(accepted)))
    message = f"{shown(path)}: must end in {known} (or these with .gz, .zst, .bz2 or .xz)"
    if kind not in {None, "tokens"}:
        message += "; raw text goes through lmkit clean first"
    return message
