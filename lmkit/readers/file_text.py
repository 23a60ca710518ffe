"""Files that are one record: their bytes, and their text.

Choices:
- A file over the limit is streamed past and never held in memory.
- Text is expected to be UTF-8. A byte-order mark may indicate UTF-16 or UTF-32; UTF-16 without one
  is recognized by its zeros, which text in UTF-8 does not have. Anything else is quarantined, with
  the offset of the first invalid byte: guessing a legacy code page would silently put wrong
  characters into a text. `--read.encoding` names one.
"""

import codecs

from lmkit.artifacts.inputs import Slice
from lmkit.readers.provenance import refuse_binary
from lmkit.readers.reader import Request
from lmkit.storage.byte_lines import blocks
from lmkit.storage.byte_ranges import CorruptInput, Range

# UTF-32 first: its little-endian byte-order mark begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
MOSTLY = 0.7


def content(part: Slice, source: Range, request: Request) -> bytes:
    """Return all bytes of a file, decompressed.

    Raises `CorruptInput`, also if there are too many.
    """
    pieces: list[bytes] = []
    size = 0
    for _, piece in blocks(source, part.compression):
        size += len(piece)
        if size > request.max_record:
            raise CorruptInput(0, request.too_long)
        pieces.append(piece)
    return b"".join(pieces)


def decode(data: bytes, chosen: str | None = None) -> str:
    r"""Return the text of bytes. Raises `CorruptInput` if they aren't text.

    `chosen` is the encoding of files without a byte-order mark, if a person gave one.

    >>> decode("é".encode()), decode("é".encode("utf-16"))
    ('é', 'é')
    """
    marked = next((name for mark, name in MARKS.items() if data.startswith(mark)), None)
    encoding = marked or chosen or encoding_of(data)
    if encoding == "utf-8":
        refuse_binary(data[:4096])
    try:
        return data.decode(encoding)
    except UnicodeError as error:
        name = "UTF-8" if encoding.startswith("utf-8") else encoding.upper()
        start, reason = 0, str(error)
        if isinstance(error, UnicodeDecodeError):
            start, reason = error.start, error.reason
        raise CorruptInput(start, f"not {name}: {reason}") from None


def encoding_of(data: bytes) -> str:
    """Detect the encoding from a byte-order mark, or from the positions of zeros."""
    for mark, encoding in MARKS.items():
        if data.startswith(mark):
            return encoding
    start = data[:4096]
    if start.count(b"\0") > 0.3 * len(start) and len(data) % 2 == 0:
        half = len(start) / 2
        for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
            zeros, others = start[first::2].count(0), start[1 - first :: 2].count(0)
            if zeros > MOSTLY * half and others < 0.05 * half:
                return encoding
    return "utf-8"
