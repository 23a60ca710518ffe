"""Document ids and metadata that depend on the location of a document.

Choice: the id is a hash of the source, the path below the input argument, the location in the file
and the raw text. The location is the byte offset as stored; in a compressed block it is the offset
of the block and the index of the record in it.
"""

import hashlib
import re
from typing import Any

from lmkit.artifacts.inputs import Slice
from lmkit.storage.byte_ranges import CorruptInput, Range

BINARY_STARTS = {
    b"\x1f\x8b": "gzip data",
    b"\x28\xb5\x2f\xfd": "zstd data",
    b"\xfd7zXZ": "xz data",
    b"PK\x03\x04": "a zip archive",
    b"%PDF-": "a PDF",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"PAR1\x15": "a Parquet file",
}


MAX_NUL_FRACTION = 0.05
"""Maximum fraction of NUL bytes in text. A single one may occur; binary files have many."""


def document_id(source: str, origin: str, offset: int, record: int | None, text: str) -> str:
    """Return 32 hex digits of SHA-256 for a document without its own id."""
    location = str(offset) if record is None else f"{offset}:{record}"
    key = hashlib.sha256(f"{source}\0{origin}\0{location}\0".encode("utf-8", "surrogatepass"))
    key.update(text.encode("utf-8", "surrogatepass"))  # without a copy of both
    return key.hexdigest()[:32]


def provenance(part: Slice, offset: int, record: int) -> dict[str, Any]:
    """Return the metadata with the origin of a document."""
    metadata: dict[str, Any] = {"origin": part.origin, "offset": offset}
    return metadata if part.compression == "none" else {**metadata, "record": record}


def refuse_binary(start: bytes) -> None:
    """Raise `CorruptInput` if a file that should hold text begins with something else."""
    for magic, kind in BINARY_STARTS.items():
        if start.startswith(magic):
            raise CorruptInput(0, f"not what its name says: {kind}")
    if re.match(rb"BZh[1-9]1AY&SY", start):
        raise CorruptInput(0, "not what its name says: bzip2 data")
    if start.count(b"\0") > MAX_NUL_FRACTION * len(start):
        raise CorruptInput(start.index(b"\0"), "not what its name says: binary data, or UTF-16")


def first_bytes(source: Range, part: Slice) -> bytes:
    """Read the start of a plain file, and seek back to it."""
    if part.compression != "none" or source.start > 0:
        return b""
    start = source.read(4096)
    source.seek(0)
    return start
