"""The files below a folder or a URL.

Choices:
- Files with an unknown ending in a folder are skipped and counted; named individually, they are an
  error. Token files (.bin) are read only if they are named: in a folder they may be anything.
- Hidden files and links to folders are not followed; files that lmkit wrote next to documents are
  not documents.
- A pattern that excludes a folder excludes all below it, which counts as one.
- Paths are strings: for a million files, creating Path objects takes longer than everything else.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import translate
from pathlib import Path
from stat import S_ISREG

from lmkit.artifacts.finished_folders import finished_manifest
from lmkit.artifacts.input_lists.streamed_inputs import LIST_NAME
from lmkit.artifacts.manifest import MANIFEST
from lmkit.artifacts.tasks import PARTIAL
from lmkit.errors import InputError
from lmkit.storage.formats import (
    Accepted,
    Format,
    content_described,
    suffix_and_compression,
)
from lmkit.storage.remote_files import RemoteFile, State, shown

NOT_DOCUMENTS = re.compile(
    r"(rejected|quarantine|duplicates|cuts|contamination)-(validation-)?\d{5,}\.jsonl\.zst"
    rf"|{LIST_NAME}"
)
CACHES = re.compile(r"(cache-|tmp).*")
"""What `datasets` leaves next to the files of a saved data set that is used in place."""
EXCLUDED = "excluded"
"""What excluded files are counted as, among those skipped by their ending."""
FileBelow = tuple[str, str, State]
"""What lies below a URL: the location of a file, its path below what was typed, and its state."""
Found = tuple[str, str, Format, State]
"""The location of a file, its path below what was typed, its format, and its state."""


class Excluded:
    """Whether a file is skipped because a person excluded it; it is counted, then."""

    def __init__(self, patterns: Sequence[str], skipped: dict[str, int]) -> None:
        """Take patterns of a shell, in which * also stands for /."""
        self._match = re.compile("|".join(map(translate, patterns))).match if patterns else None
        self._skipped = skipped

    def __call__(self, origin: str) -> bool:
        """Return whether the name, or the path below what was typed, matches a pattern."""
        match = self._match
        if match is None or not (match(origin) or match(origin.rpartition("/")[2])):
            return False
        self._skipped[EXCLUDED] = self._skipped.get(EXCLUDED, 0) + 1
        return True


def walk_remote(
    top: RemoteFile,
    files: Iterable[FileBelow],
    accepted: Accepted,
    skipped: dict[str, int],
    excluded: Excluded,
) -> Iterator[Found]:
    """Find the files at a URL, or the one file that it names, among all `files` there."""
    read = 0
    for file, origin, state in files:
        if any(part.startswith(".") for part in origin.split("/")):
            continue
        name = os.path.basename(file)
        if excluded(origin or name):
            continue
        if NOT_DOCUMENTS.fullmatch(name):
            raise InputError(
                f"{top.url}: holds {origin or name}, which lmkit wrote",
                f"and no complete {MANIFEST} is next to it: make that folder again, or name its "
                "documents-*.jsonl.zst individually",
            )
        kind = accepted.of(file, named=not origin)
        if kind is not None and accepted.takes(kind):
            read += 1
            yield file, origin or name, kind, state
        elif not origin:
            raise InputError(*not_accepted(top.path, kind, accepted))
        else:
            _count_skipped(name, skipped)
    if not read:
        known = ", ".join(sorted(accepted.endings))
        raise InputError(f"{top.url}: no files to read in it ({known})")


def walk(
    top: str, accepted: Accepted, skipped: dict[str, int], excluded: Excluded
) -> Iterator[Found]:
    """Find the files below a folder; hidden ones, and links to folders, are not followed."""
    start = "" if top == "." else os.path.join(top, "")
    folders = [""]
    while folders:
        below = folders.pop()
        folder = start + below
        entries = _entries(folder or ".")
        names = {entry.name for entry in entries}
        if below and (MANIFEST in names or PARTIAL in names) and finished_manifest(Path(folder)):
            raise InputError(
                f"{top}: holds {folder}, which lmkit wrote, next to other files",
                "name the folders that lmkit wrote individually: their rejected records are not "
                "documents",
            )
        saved_data_set = "state.json" in names and "dataset_info.json" in names
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            origin = f"{below}/{name}" if below else name
            path = start + origin
            if excluded(origin):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(origin)
                continue
            state = _state(entry)
            if state is None:
                what = "links" if entry.is_symlink() else "pipes, sockets or devices"
                skipped[what] = skipped.get(what, 0) + 1
                continue
            if NOT_DOCUMENTS.fullmatch(name):
                raise InputError(
                    f"{path}: lmkit wrote it, but there is no complete {MANIFEST} next to it",
                    "make that folder again, or name its documents-*.jsonl.zst individually",
                )
            kind = accepted.of(path, named=False)
            if saved_data_set and CACHES.fullmatch(name):
                kind = None
            if kind is not None and accepted.takes(kind):
                yield path, origin, kind, state
            else:
                _count_skipped(name, skipped)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"{folder}: cannot be searched: {error.strerror}") from None


def _state(entry: os.DirEntry[str]) -> State | None:
    """Return the state of a file, or of the target of a link; None if it is not a file."""
    try:
        found = entry.stat()
    except OSError:
        return None  # a dangling link, or deleted in the meantime
    return State(found.st_size, found.st_mtime_ns) if S_ISREG(found.st_mode) else None


def _count_skipped(name: str, skipped: dict[str, int]) -> None:
    ending = os.path.splitext(name)[1]
    suffix, compression = suffix_and_compression(name)
    if compression != "none" and suffix:  # `.tar.gz` is no `.gz`
        ending = os.path.splitext(name[: -len(ending)])[1] + ending
    skipped[ending] = skipped.get(ending, 0) + 1


def skipped_text(skipped: Mapping[str, int]) -> str:
    """Return what was skipped, for people.

    >>> skipped_text({".png": 2, "": 1, "excluded": 3})
    'skipped, by their endings: 2 .png, 1 without; excluded: 3'
    """
    by_ending = [f"{n} {kind or 'without'}" for kind, n in skipped.items() if kind != EXCLUDED]
    parts = [f"skipped, by their endings: {', '.join(by_ending)}"] if by_ending else []
    parts += [f"excluded: {skipped[EXCLUDED]}"] if EXCLUDED in skipped else []
    return "; ".join(parts)


def not_accepted(path: str, kind: Format | None, accepted: Accepted) -> tuple[str, str | None]:
    """Return why a file that was named can't be read, and what to do."""
    if "json" not in accepted.names:  # no --format either
        known = ", ".join(sorted(accepted.endings))
        message = f"{shown(path)}: must end in {known} (or these with .gz, .zst, .bz2 or .xz)"
        if kind not in {None, "tokens"}:
            message += "; raw text needs lmkit clean first"
        return message, None
    suffix, compression = suffix_and_compression(os.path.basename(path))
    ending = f"it ends in {suffix}" if suffix else "its name has no ending"
    if suffix in accepted.formats.by_ending and compression != "none":
        ending = f"{suffix} is not read in compressed form"
    near = get_close_matches(suffix, accepted.endings, n=3, cutoff=0.5) if suffix else []
    like = f" (known endings like it: {', '.join(near)})" if near else ""
    return (
        f"{shown(path)}: must be in a format that is known; {ending}{like}, and holds "
        f"{content_described(path)}",
        f"--format reads it as one of {', '.join(sorted(accepted.names - {'tokens'}))}",
    )
