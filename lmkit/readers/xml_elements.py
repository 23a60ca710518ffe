"""XML in pieces: readers find elements by their bytes, and every element is parsed separately.

Choices:
- One broken element costs one record: an XML parser that reads the complete file must stop at the
  first error, and the rest would be lost.
- Any encoding that XML allows: supersets of ASCII are framed as they are; UTF-16 is decoded first.
  An unknown name of an encoding may be damaged, and has no effect if the text is UTF-8.
- Entities are never declared: a document type with declarations is refused, which is what a
  "billion laughs" attack uses.
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
    """Return a stream whose markup is ASCII, and the encoding of the text.

    Raises `CorruptInput` for declarations of entities.
    """
    first = next(blocks, b"")
    wide = _utf16(first)
    name = "utf-8" if wide else declared_encoding(first[:HEAD])
    if b"<!ENTITY" in first[:HEAD].replace(b"\0", b""):
        raise CorruptInput(0, "it declares entities, as XML bombs do")
    if wide is None:
        return chain([first], blocks), name
    decoder = codecs.getincrementaldecoder(wide)("replace")
    return (decoder.decode(block).encode() for block in chain([first], blocks)), name


def declared_encoding(start: bytes) -> str:
    """Return the encoding that an XML declaration names, UTF-8 if it is unknown.

    >>> declared_encoding(b'<?xml encoding="latin-1"?>')
    'latin-1'
    """
    found = DECLARED.search(start)
    name = found[1].decode() if found else "utf-8"
    try:
        b"a".decode(name)
    except (LookupError, ValueError):
        return "utf-8"
    return name


def _utf16(first: bytes) -> str | None:
    """Detect UTF-16 by its byte-order mark, or by the zeros next to the first characters."""
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
