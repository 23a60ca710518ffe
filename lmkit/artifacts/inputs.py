"""From what a person typed to the slices that tasks read.

Choices:
- Files are put in the order of their labels and paths, so the order on the command line, and how
  a shell expands a pattern, change nothing.
- A big file of lines is cut in even ranges of 64 MB at most (a third of that if it is compressed),
  so that no worker is left with a short rest. A task reads the lines that begin in its slice, or in
  the compressed members that do. So are archives whose records are compressed one by one,
  Wikipedia's pages, and Parquet's row groups. Everything else is read by one task (a gzip file of
  one member too: it has no other place to begin). Small files share a task.
- A folder that lmkit made is read by its manifest: the names, sizes and SHA-256s there must hold.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import NamedTuple

from lmkit.artifacts.discovery import not_accepted, suffixes, walk, walk_remote
from lmkit.artifacts.finished_folders import check_finished, finished_manifest
from lmkit.artifacts.manifest import Input, Manifest
from lmkit.artifacts.options import RANGE_BYTES
from lmkit.artifacts.tasks import ReadRange
from lmkit.errors import InputError, LmkitError
from lmkit.storage.byte_ranges import Compression, Range, hash_range
from lmkit.storage.formats import Format, endings, format_by_name
from lmkit.storage.hub import Dataset, dataset_of, look_up
from lmkit.storage.remote_files import State, on_this_machine, remote, shown, state_of

SPLITTABLE: set[tuple[Format, Compression]] = {
    ("jsonl", "none"),
    ("jsonl", "gzip"),
    ("jsonl", "zstd"),
    ("jsonl", "bzip2"),
    ("tokens", "none"),
    ("parquet", "none"),
    ("warc", "gzip"),
    ("warc", "zstd"),
    ("wikipedia", "none"),
    ("wikipedia", "bzip2"),
}
"""What a task can read from anywhere on: lines, also in gzip members, zstd frames and bzip2 blocks;
row groups; archives with a member or a frame for each record; pages."""
# What a compressed byte weighs when work is shared out: text shrinks to about a third.
COMPRESSED_WEIGHT = 3
# Opening a file takes time, however little is in it: a million tiny files are no single task.
MOST_FILES = 4_000
BOM = b"\xef\xbb\xbf"
ODD = re.compile(r"^\.|/\.|//|/$")
"""What is in a path that `Path` would spell in another way."""


class Slice(NamedTuple):
    """A part of an input that one task reads."""

    input: int
    """The place of the input in the plan."""
    location: str
    """Its path or address, as a string: there may be millions."""
    source: str
    origin: str
    format: Format
    compression: Compression
    start: int
    stop: int
    size: int
    modified: int
    sha256: str = ""
    """What a manifest says that it must be."""

    @property
    def path(self) -> Path:
        """Return where it lies."""
        return Path(self.location)

    @property
    def weight(self) -> int:
        """Return about how much text it holds, in bytes."""
        if self.format == "hub":
            return RANGE_BYTES  # a shard: nobody knows before how large it is
        return (self.stop - self.start) * (1 if self.compression == "none" else COMPRESSED_WEIGHT)


@dataclass(frozen=True)
class Inputs:
    """All that a stage reads."""

    arguments: tuple[str, ...]
    """What was typed."""
    records: tuple[Input, ...]
    slices: tuple[Slice, ...]
    skipped: dict[str, int]
    """How many files of each unknown ending lay in the folders."""

    def merged_with(self, other: "Inputs") -> "Inputs":
        """Return these and others, which keep their slices apart: `slices` are only these."""
        return replace(
            self,
            arguments=(*self.arguments, *other.arguments),
            records=(*self.records, *other.records),
        )

    def renumbered(self, first: int) -> tuple[Slice, ...]:
        """Return the slices as they are called where other inputs come first."""
        return tuple(part._replace(input=part.input + first) for part in self.slices)


def find_documents(
    paths: Sequence[Path],
    listed: Path | None = None,
    *,
    formats: Iterable[Format],
    forced: Format | None = None,
    source: str | None = None,
) -> Inputs:
    """Find the documents behind what a person typed.

    `formats` are those that the stage reads, besides folders of documents. Raises InputError for
    what is missing, empty or of the wrong kind.
    """
    accepted = set(formats)
    named = [str(path) for path in paths]
    arguments = list(dict.fromkeys(map(on_this_machine, [*named, *_listed(listed)])))
    if not arguments:
        raise InputError("INPUTS: missing; name files or folders to read")
    found: list[tuple[Input, list[Slice]]] = []
    skipped: dict[str, int] = {}
    for path in arguments:
        name = os.path.basename(path)
        label = source or name
        address, dataset = remote(path), dataset_of(path)
        if dataset is not None:
            found.append(_dataset(path, dataset, source or dataset.name))
            continue
        if address is not None:
            files = walk_remote(path, address, accepted, forced, skipped)
            found += [_raw_file(label, *file) for file in files]
            continue
        state = _look_at(path)
        if not source and name in {"", ".", ".."}:
            label = Path(path).resolve().name
        if S_ISREG(state.st_mode):
            kind = forced or format_by_name(path, named=True, accepted=accepted)
            if kind is None or not (forced or kind in accepted):
                raise InputError(not_accepted(path, kind, accepted))
            now = State(state.st_size, state.st_mtime_ns)
            found.append(_raw_file(label, path, name, kind, now))
        elif manifest := finished_manifest(Path(path)):
            found.append(_made_folder(Path(path), manifest, label))
        else:
            inside = accepted - {"tokens"}
            before = len(found)
            found += [_raw_file(label, *file) for file in walk(path, inside, forced, skipped)]
            if len(found) == before:
                known = ", ".join(sorted(suffixes(inside)))
                raise InputError(f"{path}: no files to read in it ({known})")
    found.sort(key=lambda pair: (*pair[0].identity, pair[0].path))
    return Inputs(
        tuple(arguments),
        tuple(record for record, _ in found),
        tuple(
            Slice(number, *part[1:]) for number, (_, slices) in enumerate(found) for part in slices
        ),
        skipped,
    )


def other_folder(path: Path, label: str, fingerprint: str) -> Inputs:
    """Return an input that isn't documents: a tokenizer, a packed folder, a run."""
    record = Input(str(path), label, 0, sha256=(fingerprint,))
    return Inputs((str(path),), (record,), (), {})


def cut(slices: Iterable[Slice], shard_bytes: int = RANGE_BYTES) -> list[tuple[Slice, ...]]:
    """Share slices out into tasks of about the same size, in order."""
    tasks: list[tuple[Slice, ...]] = []
    group: list[Slice] = []
    room = shard_bytes
    for part in (piece for whole in slices for piece in _split(whole)):
        room -= part.weight
        if group and (room < 0 or len(group) == MOST_FILES):
            tasks.append(tuple(group))
            group, room = [], shard_bytes - part.weight
        group.append(part)
    return [*tasks, tuple(group)] if group else tasks


def opened(part: Slice, read_ranges: list[ReadRange]) -> Iterator[Range]:
    """Open a slice, and when the reading is over check that the file is still what was planned.

    Used as `for source in opened(part, writer.read): ...`, so that what is read inside can be
    streamed. Raises LmkitError naming a file that has vanished or changed.
    """
    try:
        _check_unchanged(part)
        with Range(part.location, part.start, part.stop) as source:
            yield source
            digest = source.sha256()
        _check_unchanged(part)
    except FileNotFoundError:
        raise LmkitError(
            f"{shown(part.location)}: it was there when the work was planned, and is gone",
            "put it back and run the same again: finished tasks are kept",
        ) from None
    if part.sha256 and digest != part.sha256:
        raise LmkitError(
            f"{part.location}: not what its manifest.json says (SHA-256)",
            "the file is damaged or was changed by hand: make that folder again",
        )
    note = ReadRange(input=part.input, start=part.start, stop=part.stop, sha256=digest)
    if not part.sha256:
        read_ranges.append(note)


def same_content(old: Input, new: Input, verify: bool) -> bool:
    """Tell whether an input is what it was; reads it only where its time says something else."""
    if old.modified is None or new.modified is None:
        return old.sha256 == new.sha256
    if old.bytes != new.bytes or dataset_of(new.path) is not None:
        return (old.bytes, old.modified) == (new.bytes, new.modified)
    if not old.sha256 or (old.modified == new.modified and not verify):
        return old.modified == new.modified  # without a hash it couldn't be read before either
    step = (
        _range_bytes(new.bytes, endings(os.path.basename(new.path))[1])
        if len(old.sha256) > 1
        else max(1, new.bytes)
    )
    starts = range(0, max(1, new.bytes), step)
    now = (hash_range(new.path, start, min(start + step, new.bytes)) for start in starts)
    return all(before == digest for before, digest in zip(old.sha256, now, strict=False))


def _look_at(path: str) -> os.stat_result:
    """Return the state of a file or folder. Raises InputError for anything else."""
    try:
        state = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file or folder") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path}: cannot be read: {reason}") from None
    if not S_ISREG(state.st_mode) and not S_ISDIR(state.st_mode):
        raise InputError(f"{path}: a pipe, socket or device; must be a file or folder")
    return state


def _listed(listed: Path | None) -> list[str]:
    """Return the paths that a list holds, spelled as they would be if they were typed."""
    if listed is None:
        return []
    try:
        lines = listed.read_bytes().removeprefix(BOM).replace(b"\r\n", b"\n").split(b"\n")
    except OSError as error:
        raise InputError(f"--inputs-from: cannot read {listed}: {error.strerror}") from None
    # Names on a disk may be no UTF-8.
    paths = [os.fsdecode(line) for line in lines if line.strip()]
    return [str(Path(path)) if ODD.search(path) else path for path in paths]


def _made_folder(path: Path, manifest: Manifest, label: str) -> tuple[Input, list[Slice]]:
    outputs = [o for o in manifest.outputs if fnmatch(o.name, "documents-*.jsonl.zst")]
    if not outputs:
        raise InputError(
            f"{path}: made by lmkit {manifest.stage}, and holds no documents",
            "name a folder that lmkit clean or lmkit dedup made, or raw files",
        )
    slices: list[Slice] = []
    check_finished(path, hashes=False)
    for output in outputs:
        file = path / output.name
        modified = file.stat().st_mtime_ns
        slices.append(
            Slice(
                *(0, str(file), label, output.name, "documents", "zstd", 0, output.bytes),
                size=output.bytes,
                modified=modified,
                sha256=output.sha256,
            )
        )
    if not manifest.counts.documents_out:
        raise InputError(f"{path}: it holds no documents: lmkit {manifest.stage} kept none")
    size = sum(output.bytes for output in outputs)
    record = Input(str(path), label, size, sha256=(manifest.fingerprint,))
    return record, slices


def _raw_file(
    label: str, path: str, origin: str, kind: Format, state: State
) -> tuple[Input, list[Slice]]:
    size, modified = state
    packing = endings(os.path.basename(path))[1]
    part = Slice(0, path, label, origin, kind, packing, 0, size, size, modified)
    return Input(path, label, size, origin, modified), [part]


def _dataset(path: str, dataset: Dataset, label: str) -> tuple[Input, list[Slice]]:
    shards, version = look_up(dataset)
    record = Input(path, label, shards, dataset.address, version)
    parts = [
        Slice(
            *(0, path, label, dataset.address, "hub", "none", shard, shard + 1),
            size=shards,
            modified=version,
        )
        for shard in range(shards)
    ]
    return record, parts


def _split(part: Slice) -> Iterator[Slice]:
    step = _range_bytes(part.size, part.compression)
    if (part.format, part.compression) not in SPLITTABLE or step >= part.size:
        yield part
        return
    for start in range(0, part.size, step):
        yield part._replace(start=start, stop=min(start + step, part.size))


def _range_bytes(size: int, compression: Compression) -> int:
    """Return the length of the even ranges in which a file is read.

    >>> _range_bytes(67_000_000, "none"), _range_bytes(67_000_000, "gzip"), _range_bytes(0, "none")
    (33500000, 16750000, 1)
    """
    most = RANGE_BYTES if compression == "none" else RANGE_BYTES // COMPRESSED_WEIGHT
    ranges = max(1, -(-size // most))
    return max(1, -(-size // ranges))


def _check_unchanged(part: Slice) -> None:
    if state_of(part.location) != (part.size, part.modified):
        raise LmkitError(
            f"{shown(part.location)}: it has changed since the work was planned",
            "run again when nothing writes to it any more; --overwrite starts over",
        )
