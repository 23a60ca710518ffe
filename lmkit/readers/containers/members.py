"""The members of zip and tar archives, one after the other, with nothing written by their names.

Choices:
- An archive is streamed: of a tar only the current member is held, of a zip also its directory.
- A zip's members are stored or deflated; Python decompresses the other methods without a limit.
- Python's tarfile ends without a word where a header is damaged, or where the archive ends too
  early. So zeros must follow the last member (POSIX), else the rest of the archive is listed.
- Headers of a tar that hold names and attributes are read at once, so those are limited.
"""

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, cast

from lmkit.storage.byte_lines import blocks
from lmkit.storage.byte_ranges import Compression, CorruptInput, Range

METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
ENCRYPTED = 1
PIECE_BYTES = 1 << 18
MAX_HEADER = 1 << 20
BLOCK = 512
MOST_EXPANSION = 200
EXPANDS = f"more than {MOST_EXPANSION} times its compressed size"
SLACK = 1 << 30
"""Bytes of a compressed tar that may be skipped, however small it is."""
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, NotImplementedError)


@dataclass(frozen=True)
class Member:
    """A file in an archive."""

    name: str
    pieces: Iterator[bytes]
    """Its content, which must be read before the next member. They raise `CorruptInput`."""
    compressed: Callable[[], int]
    """The bytes of the archive that it takes: of a tar, all that were read so far."""
    refused: str | None = None
    """Why it can't be read, if that is known from its header."""


def zip_members(source: Range) -> Iterator[Member]:
    """Yield the files of a zip. Raises `CorruptInput` if it is none."""
    try:
        archive = zipfile.ZipFile(cast(BinaryIO, source))
    except (*ZIP_ERRORS, ValueError) as error:
        raise CorruptInput(0, f"not a zip archive: {error}") from None
    with archive:
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            refused = None
            if entry.flag_bits & ENCRYPTED:
                refused = "encrypted"
            elif entry.compress_type not in METHODS:
                refused = f"compressed by method {entry.compress_type}, must be deflate or none"
            pieces = _zip_pieces(archive, entry)
            yield Member(entry.filename, pieces, lambda entry=entry: entry.compress_size, refused)


def _zip_pieces(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(entry) as file:
            yield from _pieces(file)
    except (*ZIP_ERRORS, ValueError) as error:
        raise CorruptInput(0, f"damaged: {error}") from None


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while data := file.read(PIECE_BYTES):
        yield data


def tar_members(
    source: Range, compression: Compression, skipped: Callable[[], None]
) -> Iterator[Member]:
    """Yield the files of a tar; `skipped` is called for links and devices.

    Raises `CorruptInput` where it is damaged.
    """
    stream = _Stream(source, compression)
    end = 0
    try:
        # A stream of tar blocks, whatever the compression: that is undone already.
        with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r|", tarinfo=_TarInfo) as archive:
            for entry in archive:
                end = entry.offset_data + -(-entry.size // BLOCK) * BLOCK * entry.isreg()
                if entry.isreg():
                    pieces = _tar_pieces(archive, entry, stream)
                    yield Member(entry.name, pieces, lambda: source.position)
                    if stream.failed:
                        return  # the member in which it ends is listed
                elif not entry.isdir():
                    skipped()
                cast(Any, archive).members = []  # it keeps all
    except (tarfile.TarError, ValueError, OverflowError, OSError) as error:
        raise CorruptInput(stream.offset, f"damaged: {error}") from None
    while stream.last_text < end and stream.read(PIECE_BYTES):
        pass
    if stream.size <= end:
        raise CorruptInput(stream.offset, "truncated: it has no end")
    if stream.last_text >= end:
        raise CorruptInput(stream.offset, "damaged: no header where a member must begin")


def _tar_pieces(
    archive: tarfile.TarFile, entry: tarfile.TarInfo, stream: "_Stream"
) -> Iterator[bytes]:
    file = archive.extractfile(entry)
    assert file is not None
    try:
        with file:
            yield from _pieces(file)
    except (CorruptInput, tarfile.TarError) as error:
        stream.failed = True
        reason = error.reason if isinstance(error, CorruptInput) else f"truncated: {error}"
        raise CorruptInput(0, reason) from None


class _Stream:
    """A decompressed file, read from its start."""

    def __init__(self, source: Range, compression: Compression) -> None:
        self._source = source
        self._blocks = blocks(source, compression)
        self._rest = memoryview(b"")
        self.size = 0
        self.offset = 0
        """The offset in the archive of what was read last."""
        self.last_text = -1
        """The offset of the last byte that isn't zero, in the decompressed file."""
        self.failed = False
        """Whether it ended inside a member."""

    def read(self, size: int) -> bytes:
        """Return the next bytes; fewer only at the end."""
        found: list[bytes] = []
        if self.size > SLACK + MOST_EXPANSION * self._source.position:
            raise CorruptInput(self.offset, EXPANDS)
        while size > 0:
            if not self._rest:
                block = next(self._blocks, None)
                if block is None:
                    break
                self.offset, data = block
                self._rest = memoryview(data)
            piece = bytes(self._rest[:size])
            self._rest = self._rest[size:]
            size -= len(piece)
            found.append(piece)
        data = b"".join(found)
        text = len(data.rstrip(b"\0"))
        if text:
            self.last_text = self.size + text - 1
        self.size += len(data)
        return data


class _TarInfo(tarfile.TarInfo):
    """A header of a tar; those with names and attributes have a limited size."""

    HEADERS = (
        *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
        *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    )

    def _proc_member(self, tarfile_: tarfile.TarFile) -> Any:
        if self.type in self.HEADERS and self.size > MAX_HEADER:
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        return cast(Any, super())._proc_member(tarfile_)
