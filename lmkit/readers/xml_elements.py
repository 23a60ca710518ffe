"""XML in pieces: readers find elements by their bytes, and each is parsed by itself.

Choices:
- One broken element costs one record: an XML parser that reads the whole file must end at the
  first mistake, and what follows would be lost.
- Any encoding that XML allows: ASCII's supersets are framed as they are; UTF-16 is decoded first.
  A name that nobody knows may be damaged, and costs nothing where the text is UTF-8.
- Entities are never declared: a document type with declarations is refused, which is what
  "billion laughs" is made of.
"""

import codecs
import re
from collections.abc import Iterator
from itertools import chain
from xml.etree import ElementTree

from lmkit.storage.byte_ranges import CorruptInput

DECLARED = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
HEAD = 1 << 14


def decoded(blocks: Iterator[bytes]) -> tuple[Iterator[bytes], str]:
    """Return a stream whose markup is ASCII, and the encoding of what is between.

    Raises `CorruptInput` for declarations of entities.
    """
    first = next(blocks, b"")
    wide = _utf16(first)
    name = "utf-8" if wide else declared_encoding(first[:HEAD])
    if b"<!ENTITY" in first[:HEAD].replace(b"\0", b""):
        raise CorruptInput(0, "it declares entities, as XML bombs do")
    if wide is None:
        return chain([first], blocks), name
    worker = codecs.getincrementaldecoder(wide)("replace")
    return (worker.decode(block).encode() for block in chain([first], blocks)), name


def declared_encoding(start: bytes) -> str:
    """Return the encoding that an XML declaration names, UTF-8 where nobody knows it.

    >>> declared_encoding(b'<?xml encoding="latin-1"?>')
    'latin-1'
    """
    said = DECLARED.search(start)
    name = said[1].decode() if said else "utf-8"
    try:
        b"a".decode(name)
    except (LookupError, ValueError):
        return "utf-8"
    return name


def _utf16(first: bytes) -> str | None:
    """Tell UTF-16 from its mark, or from the zeros beside the first characters."""
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return {b"<\0?\0": "utf-16-le", b"\0<\0?": "utf-16-be"}.get(first[:4])


def parse(data: bytes, encoding: str) -> ElementTree.Element:
    """Parse an element. Raises `CorruptInput`."""
    try:
        text = data.decode(encoding)
        return ElementTree.fromstring(text)
    except UnicodeDecodeError as error:
        raise CorruptInput(0, f"not {encoding.upper()}: {error.reason}") from None
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise CorruptInput(0, f"not XML: {error}") from None
