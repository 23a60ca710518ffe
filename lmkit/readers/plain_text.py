"""Plain text, Markdown and source code: a file is a document.

Choices:
- UTF-8, with or without a byte-order mark; anything else is quarantined, with the place of the
  first byte that isn't.
- A file over the limit is quarantined without being held.
"""

from collections.abc import Iterator

from lmkit.artifacts.documents import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.artifacts.streams import Damaged, Range, blocks
from lmkit.readers.places import document_id, place_notes, refuse_binary


def read_plain_text(part: Slice, source: Range, max_record: int) -> Iterator[Document | Unreadable]:
    """Yield the one document of a file."""
    try:
        text = _decode(_content(part, source, max_record))
    except Damaged as damage:
        yield Unreadable(part.source, part.origin, damage.place, 0, damage.reason)
        return
    record = None if part.compression == "none" else 0
    key = document_id(part.source, part.origin, 0, record, text)
    yield Document(key, text, part.source, place_notes(part, 0, 0))


def _content(part: Slice, source: Range, max_record: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    for _, piece in blocks(source, part.compression):
        size += len(piece)
        if size > max_record:
            raise Damaged(0, f"longer than --max-record ({max_record:,} bytes)")
        pieces.append(piece)
    return b"".join(pieces)


def _decode(content: bytes) -> str:
    refuse_binary(content[:4096])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Damaged(error.start, f"not UTF-8: {error.reason}") from None
