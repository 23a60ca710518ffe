"""Archives (zip, tar, compressed tar): each member is read as a file of its format.

Choices:
- The format of a member is decided as that of a file in a folder. What can't be read is listed by
  its name; hidden files and links are counted only, as below a folder.
- A member is copied to a temporary file, since many formats are read back and forth; never under
  its own path, and one at a time. So memory is that of a file's reader.
- A member that takes more than 200 times its compressed size, and more than `--max-record`, is a
  bomb: text shrinks to a tenth, logs to a fiftieth. Archives in archives aren't opened.
- `origin` is `archive.zip!/folder/member.txt`, and offsets are those in the member.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.containers.members import (
    EXPANDS,
    MOST_EXPANSION,
    Member,
    tar_members,
    zip_members,
)
from lmkit.readers.dispatch import missing_library, reader_of
from lmkit.readers.reader import Request, unreadable
from lmkit.storage.byte_ranges import CorruptInput, Range
from lmkit.storage.formats import SHARED, formats_with, suffix_and_compression

LONGEST_NAME = 255


def read_archive(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the documents of the members, in their order."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            for member in _members(part, source, request):
                yield from _documents(part, member, request, Path(folder))
    except CorruptInput as damage:
        yield unreadable(part, damage)


def _members(part: Slice, source: Range, request: Request) -> Iterator[Member]:
    start = source.read(4)
    source.seek(0)
    if part.compression == "none" and start[:2] == b"PK":
        return zip_members(source)

    def count_link() -> None:
        request.counts["archive_links"] += 1

    return tar_members(source, part.compression, count_link)


def _documents(
    part: Slice, member: Member, request: Request, folder: Path
) -> Iterator[Document | Unreadable]:
    parts = member.name.replace("\\", "/").replace("\0", "").split("/")
    parts = [name for name in parts if name not in {"", ".", ".."}]
    if not parts or any(name.startswith(".") or name == "__MACOSX" for name in parts):
        request.counts["archive_hidden_files"] += 1
        return
    shown = "/".join(parts)
    part = part._replace(origin=f"{part.origin}!/{shown}")
    try:
        if any(len(os.fsencode(name)) > LONGEST_NAME for name in parts) or len(shown) > 2_000:
            raise CorruptInput(0, "its name is too long")
        _refuse(member, parts[-1], request)
        path = folder / parts[-1]
        try:
            size = _copy(member, path, request)
            formats = formats_with(request.reading.added)
            kind = formats.by_path(str(path), named=False, accepted=formats.by_name)
            if kind is None:
                raise CorruptInput(0, "not a format that is read")
            if missing := missing_library(kind):
                raise CorruptInput(0, missing)
            compression = suffix_and_compression(parts[-1])[1]
            part = part._replace(
                location=str(path),
                format=kind,
                compression=compression,
                start=0,
                stop=size,
                size=size,
                sha256="",
            )
            with Range(path, 0, size) as content:
                yield from reader_of(kind, request.reading.added)(part, content, request)
        finally:
            path.unlink(missing_ok=True)
    except CorruptInput as damage:
        yield unreadable(part, damage)


def _refuse(member: Member, name: str, request: Request) -> None:
    """Raise `CorruptInput` for a member that can't be read."""
    if member.refused is not None:
        raise CorruptInput(0, member.refused)
    suffix, _ = suffix_and_compression(name)
    kind = formats_with(request.reading.added).by_ending.get(suffix)
    if kind == "archive":
        raise CorruptInput(0, "an archive in an archive, which isn't opened")
    if (kind is None and suffix not in SHARED) or kind == "tokens":
        raise CorruptInput(0, f"not a format that is read: {suffix or 'no ending'}")


def _copy(member: Member, path: Path, request: Request) -> int:
    """Copy a member to a file, and return its size."""
    size = 0
    with path.open("wb") as file:
        for piece in member.pieces:
            size += len(piece)
            limit = max(request.max_record, MOST_EXPANSION * member.compressed())
            if size > limit:
                raise CorruptInput(0, EXPANDS)
            file.write(piece)
    return size
