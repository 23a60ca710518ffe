"""Plain text and Markdown: a file is a document, or a paragraph is.

Choices:
- What Project Gutenberg adds to a book is left out (`text/gutenberg.py`).
- Lines are joined only on request: in verse and tables line ends have a meaning, and a line much
  shorter than the others is taken for one of those.
"""

import re
from collections.abc import Iterator
from typing import Any

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.file_text import content, decode
from lmkit.readers.reader import Request, new_document, unreadable
from lmkit.storage.byte_ranges import CorruptInput, Range
from lmkit.text.gutenberg import without_gutenberg

BLOCK = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
WRAPPED = 40
"""Lines of at least this length are full; a shorter one ends a paragraph, or is verse."""


def read_plain_text(
    part: Slice, source: Range, request: Request
) -> Iterator[Document | Unreadable]:
    """Yield the documents of a file."""
    try:
        text = decode(content(part, source, request), request.reading.encoding)
    except CorruptInput as damage:
        yield unreadable(part, damage)
        return
    reading = request.reading
    metadata: dict[str, Any] = {}
    if reading.gutenberg:
        text, metadata = without_gutenberg(text)
    if reading.unit == "file":
        text = joined(text) if reading.join_lines else text
        yield new_document(part, text, metadata=metadata)
        return
    for number, (start, paragraph) in enumerate(paragraphs(text)):
        body = joined(paragraph) if reading.join_lines else paragraph
        yield new_document(part, body, record=number, metadata={**metadata, "character": start})


def paragraphs(text: str) -> Iterator[tuple[int, str]]:
    r"""Yield the blocks between blank lines, each with the index of its first character.

    >>> list(paragraphs("a\nb\n\n\nc"))
    [(0, 'a\nb'), (6, 'c')]
    """
    text = text.replace("\r\n", "\n")
    start = 0
    for gap in BLOCK.finditer(text):
        if text[start : gap.start()].strip():
            yield start, text[start : gap.start()]
        start = gap.end()
    if text[start:].strip():
        yield start, text[start:]


def joined(text: str) -> str:
    r"""Join hard-wrapped lines, except in verse and lists.

    >>> joined("It was the best of times, it was the worst\nof times.\n\nTyger Tyger,\nburning")
    'It was the best of times, it was the worst of times.\n\nTyger Tyger,\nburning'
    """
    blocks = text.replace("\r\n", "\n").split("\n\n")
    return "\n\n".join(_joined_block(block) for block in blocks)


def _joined_block(block: str) -> str:
    lines = block.split("\n")
    full = [line for line in lines[:-1] if len(line.rstrip()) >= WRAPPED]
    indented = any(line[:1] in " \t" for line in lines[1:])
    if len(lines) < 2 or indented or len(full) < 0.8 * (len(lines) - 1):
        return block
    # No regular expression: one takes quadratic time on a long run of tabs inside a line.
    first, *others = block.strip("\n").split("\n")
    lines = [first, *(line.lstrip(" \t") for line in others)]
    return " ".join([*(line.rstrip(" \t") for line in lines[:-1]), lines[-1]])
