"""The format of a file: by its name, and by its content where the name isn't enough.

Choices:
- A name that indicates a format is trusted; a reader that finds something else reports it. What
  names and contents indicate is in the registry.
- `.xml`, `.json`, `.arrow` and the like are shared by several formats: their first bytes decide.
- A file with an unknown ending is sniffed if it was named itself. In a folder it may be anything,
  and is skipped.
"""

import codecs
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from lmkit.storage.byte_lines import blocks
from lmkit.storage.byte_ranges import COMPRESSIONS, Compression, CorruptInput, Range
from lmkit.storage.json_kinds import RECORDS, json_by_content
from lmkit.storage.registry import FORMATS, FileFormat
from lmkit.storage.remote_files import state_of

Format = str
"""The name of a format in the registry, or `hub`, `documents` or `tokens`."""
TOKENS = ".bin"
"""The ending of token files, which only pack reads."""
SHARED = {".xml", ".json"}
"""Endings whose content decides."""
SHORT = {".tgz": ".tar.gz", ".tbz2": ".tar.bz2", ".tbz": ".tar.bz2", ".txz": ".tar.xz"}
NOT_DATA = {"dataset_info.json", "dataset_dict.json", "state.json"}
"""What `datasets` writes next to the Arrow files of a saved data set."""
SNIFF_BYTES = 1 << 16
MOST_BYTES = 1 << 23
"""Bytes in which the first line of JSON must end, to know that it is a record of many."""


class Formats:
    """The formats of a run: those that lmkit reads, and those that plugins add."""

    def __init__(self, known: Sequence[FileFormat]) -> None:
        self.by_name = {each.name: each for each in known}
        self.by_ending: dict[str, Format] = {TOKENS: "tokens"} | {
            ending: each.name for each in known for ending in each.endings
        }
        self.with_fields = {"hub", *(each.name for each in known if each.has_fields)}
        self.never_compressed = {"tokens", *(e.name for e in known if not e.compressible)}
        self._magics = [(magic, each.name) for each in known for magic in each.magics]
        self._patterns = [
            (re.compile(pattern, re.IGNORECASE | re.DOTALL), each.name)
            for each in known
            for pattern in each.patterns
        ]

    def by_path(self, path: str, *, named: bool, accepted: Container[Format]) -> Format | None:
        """Return the format of a file; `named` if a person typed its path."""
        name = path.rpartition("/")[2]
        suffix, compression = suffix_and_compression(name)
        compressed = compression != "none"
        kind = self.by_ending.get(suffix)
        if kind is None and (named or (suffix in SHARED and name not in NOT_DATA)):
            start = start_of_file(path)
            kind = self.by_content(start)
            if kind is None or kind not in accepted:
                return None
            if kind == "json" and not named and start.lstrip()[:1] == b"{":
                kind = "json" if RECORDS.match(start.lstrip()) else None
        return None if compressed and kind in self.never_compressed else kind

    def by_content(self, start: bytes) -> Format | None:
        r"""Return the format of a file that begins with these bytes, None if it is unknown.

        >>> [KNOWN.by_content(start) for start in (b"WARC/1.0", b'  {"a": 1}\n{', b"abc")]
        ['warc', 'jsonl', None]
        """
        for magic, kind in self._magics:
            if start.startswith(magic):
                return kind
        if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
            start = start[: len(start) & ~3].decode("utf-32", "replace").encode()
        elif start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            start = start[: len(start) & ~1].decode("utf-16", "replace").encode()
        # An epub's first entry is `mimetype`, stored as it is (EPUB Open Container Format, 4.3).
        if start.startswith(b"PK\x03\x04") and b"mimetypeapplication/epub+zip" in start:
            return "epub"
        start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
        for pattern, kind in self._patterns:
            if pattern.match(start):
                return kind
        return json_by_content(start)


@dataclass(frozen=True)
class Accepted:
    """The formats that a command reads."""

    names: frozenset[Format]
    forced: Format | None = None
    """Read every file as this format, whatever its name and content."""
    formats: Formats = field(default_factory=lambda: KNOWN)

    def of(self, path: str, *, named: bool) -> Format | None:
        """Return the format of a file, which may be one that isn't accepted."""
        return self.forced or self.formats.by_path(path, named=named, accepted=self.names)

    def takes(self, kind: Format | None) -> bool:
        """Tell whether a format is accepted."""
        return kind is not None and (self.forced is not None or kind in self.names)

    @property
    def in_folders(self) -> "Accepted":
        """What is accepted of a folder: token files must be named."""
        return replace(self, names=self.names - {"tokens"})

    @property
    def endings(self) -> list[str]:
        """The endings of these formats."""
        return [end for end, kind in self.formats.by_ending.items() if kind in self.names]


@cache
def formats_with(added: tuple[FileFormat, ...]) -> Formats:
    """Return the formats that lmkit reads, and added ones."""
    return Formats((*FORMATS, *added))


KNOWN = formats_with(())
"""The formats that lmkit reads by itself."""


def suffix_and_compression(name: str) -> tuple[str, Compression]:
    """Return the ending of a name, and the compression indicated by an ending after it.

    >>> suffix_and_compression("a.JSONL.gz"), suffix_and_compression("notes")
    (('.jsonl', 'gzip'), ('', 'none'))
    """
    name = name.lower()
    for short, whole in SHORT.items():
        if name.endswith(short):
            name = name.removesuffix(short) + whole
    stem, dot, last = name.rpartition(".")
    compression = COMPRESSIONS.get("." + last, "none") if stem else "none"
    if compression != "none":
        stem, dot, last = stem.rpartition(".")
    return ("." + last if stem and dot and last else "", compression)


def start_of_file(path: str) -> bytes:
    """Return the first bytes of a file, decompressed."""
    pieces: list[bytes] = []
    found, one_line = 0, True
    try:
        size = state_of(path).size
        with Range(path, 0, size) as source:
            for _, data in blocks(
                source, suffix_and_compression(path.rpartition("/")[2])[1], SNIFF_BYTES
            ):
                found += len(data)
                pieces.append(data)
                one_line = one_line and pieces[0].startswith(b"{") and b"\n" not in data
                if found >= (MOST_BYTES if one_line else SNIFF_BYTES):
                    break
    except (CorruptInput, OSError):
        pass  # the reader will report the error
    return b"".join(pieces)


KNOWN_STARTS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"SQLite format 3": "an SQLite database",
    b"\x7fELF": "a program",
    b"PK\x03\x04": "a zip archive, as office documents are",
    b"\xd0\xcf\x11\xe0": "an old office document",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a rar archive",
    b"\x1f\x8b": "gzip data",
    b"\x28\xb5\x2f\xfd": "zstd data",
    b"\xfd7zXZ": "xz data",
    b"ID3": "music",
    b"OggS": "music",
    b"{\\rtf": "an RTF document",
}


def content_described(path: str) -> str:
    """Say what a file holds, for an error message."""
    start = start_of_file(path)[:SNIFF_BYTES]
    if not start:
        return "nothing"
    for magic, name in KNOWN_STARTS.items():
        if start.startswith(magic):
            return name
    if b"\0" in start:
        return "binary data"
    first = start.split(b"\n")[0][:40].decode("utf-8", "replace").strip()
    return f"text that begins with {first!r}"
