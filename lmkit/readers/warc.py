"""WARC and WET, as published by Common Crawl: a response, or text extracted from it, is a document.

The format: ISO 28500, https://iipc.github.io/warc-specifications/specifications/warc-format/.

Choices:
- Responses, resources and conversions are documents; records about how they were fetched are not.
- In a .warc.gz every record is a separate gzip member (the standard's annex D), in a .warc.zst a
  frame. So a big archive is divided between tasks, each beginning at the first member in its slice,
  and a damaged member costs one record: reading continues with the next member.
- A wrong length in a plain archive is detected, because no record follows where one must; reading
  continues with the next record that can be found.
- Records are framed here and not by a library, so that damage costs one record and is listed with
  its offset; most of the time is spent on the HTML in them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.byte_buffer import ByteBuffer
from lmkit.readers.file_text import decode
from lmkit.readers.html import page_html, page_text
from lmkit.readers.http_response import Response, parse_headers, parse_response
from lmkit.readers.reader import Request, new_document, unreadable
from lmkit.storage.byte_lines import blocks
from lmkit.storage.byte_ranges import CorruptInput, Range
from lmkit.storage.compressed_members import members

START = re.compile(rb"WARC/")
NEXT = b"\r\n\r\nWARC/1."
MAX_HEADER = 1 << 16
LENGTH = re.compile(r"[0-9]{1,18}")
DOCUMENTS = {"response", "resource", "conversion"}


@dataclass(frozen=True)
class Record:
    """A record: its headers, in lower case, and its content."""

    headers: dict[str, str]
    content: bytes


def read_web_archive(
    part: Slice, source: Range, request: Request
) -> Iterator[Document | Unreadable]:
    """Yield the documents of the records that begin in a slice."""
    if part.compression == "gzip" or part.compression == "zstd":
        for offset, pieces in members(source, part.compression, START):
            yield from _documents(part, ByteBuffer(pieces), request, offset)
        return
    pieces = (data for _, data in blocks(source, part.compression))
    yield from _documents(part, ByteBuffer(pieces), request, None)


def _documents(
    part: Slice, pieces: ByteBuffer, request: Request, member: int | None
) -> Iterator[Document | Unreadable]:
    """Yield the documents of a stream of records; in a `member`, their offset is that of it."""
    number = 0
    while True:
        pieces.skip_any(b"\r\n")
        offset = pieces.position if member is None else member
        record = number if part.compression != "none" else None
        try:
            found = next_record(pieces, request)
            if found is None:
                if pieces.damage:
                    yield unreadable(part, CorruptInput(offset, pieces.damage.reason), number)
                return
            document = _document(part, found, request, offset, record)
            if document:
                yield document
        except CorruptInput as damage:
            yield unreadable(part, CorruptInput(offset, damage.reason), number)
            pieces.damage = None  # it has been reported
        number += 1


def next_record(pieces: ByteBuffer, request: Request) -> Record | None:
    """Return the next record of a stream, None at its end.

    Raises `CorruptInput`, after skipping to the start of the next record.
    """
    try:
        if not pieces.peek(1):
            return None
        headers, length = _head(pieces)
        if length > request.max_record:
            pieces.skip_to(NEXT, at_most=length)
            if headers.get("warc-type") not in DOCUMENTS:
                return Record(headers, b"")
            raise CorruptInput(0, request.too_long)
    except _InvalidRecord as bad:
        pieces.skip_to(NEXT)
        raise CorruptInput(0, pieces.damage.reason if pieces.damage else str(bad)) from None
    content = pieces.take(length)
    after = pieces.peek(9)
    if len(content) == length and (not after.strip(b"\r\n") or after.startswith(NEXT[:9])):
        return Record(headers, content)
    # The length is wrong, or the file is truncated: the next record may have been consumed.
    ended = not after and not pieces.peek(1)
    pieces.unread(content)
    found = pieces.skip_to(NEXT)
    if pieces.damage and not found:
        raise pieces.damage
    what = "truncated" if ended and not found and len(content) < length else "wrong length"
    raise CorruptInput(0, f"{what}: {length:,} bytes should follow its header")


class _InvalidRecord(Exception):  # noqa: N818 (a result, like `CorruptInput`)
    """The next bytes are not a record."""


def _head(pieces: ByteBuffer) -> tuple[dict[str, str], int]:
    start = pieces.peek(MAX_HEADER)
    if not START.match(start):
        raise _InvalidRecord("not a WARC record")
    end = re.search(rb"\r?\n\r?\n", start)
    if end is None:
        raise _InvalidRecord("a WARC header without an end")
    headers = parse_headers(start[: end.start()])
    length = headers.get("content-length", "")
    if not LENGTH.fullmatch(length):
        raise _InvalidRecord(f"no length in a WARC header: {length[:40]!r}")
    pieces.take(end.end())
    return headers, int(length)


def _document(
    part: Slice, found: Record, request: Request, offset: int, record: int | None
) -> Document | None:
    """Return a record as a document, None if it isn't one. Raises `CorruptInput`."""
    headers = found.headers
    kind = headers.get("warc-type")
    if kind not in DOCUMENTS:
        return None
    url = headers.get("warc-target-uri", "").strip("<>")
    media = headers.get("content-type", "")
    if media.startswith("application/http") or kind == "response":
        response = parse_response(found.content, request.max_record, request.too_long)
        if response.status != 200:
            raise CorruptInput(offset, f"not a page: HTTP status {response.status}")
    else:
        response = Response.of(media, found.content)
    metadata: dict[str, str | None] = {"date": headers.get("warc-date")}
    if response.is_html:
        text, of_page = page_text(response.body, request, response.charset)
        metadata = {**of_page, **({} if "date" in of_page else metadata)}
    elif kind == "conversion":
        text = decode(response.body)
        metadata["language"] = headers.get("warc-identified-content-language")
    elif response.media.startswith("text/"):
        text = page_html(response.body, response.charset or "utf-8")
    else:
        raise CorruptInput(offset, f"no text: {response.media or 'a record of no type'}")
    if url:
        metadata["url"] = url
    return new_document(
        part, text, offset=offset, record=record, origin=url or None, metadata=dict(metadata)
    )
