"""WARC and WET, as published by Common Crawl: a response, or text extracted from it, is a document.

Choices:
- Responses, resources and conversions are documents; records about how they were fetched are not.
  Neither are redirects and errors, look-ups of names, images, styles and the like: they are
  skipped, and counted by kind, so that what is quarantined is damage.
- In a .warc.gz every record is a separate gzip member (the standard's annex D), in a .warc.zst a
  frame. So a big archive is divided between tasks, each beginning at the first member in its slice,
  and a damaged member costs one record: reading continues with the next member.
- Records are framed here and not by a library, so that damage costs one record and is listed with
  its offset; most of the time is spent on the HTML in them.
- A page of which the crawler kept only the beginning is a document with `truncated` in its
  metadata, and is counted.
"""

import re
from collections.abc import Callable, Iterator

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.file_text import decode
from lmkit.readers.html import page_text
from lmkit.readers.http_response import Head, Response, decode_body, parse_head
from lmkit.readers.provenance import refuse_binary
from lmkit.readers.reader import Request, new_document, unreadable
from lmkit.readers.warc_records import Record, RecordReader
from lmkit.readers.web.page_charset import decoded
from lmkit.storage.byte_buffer import ByteBuffer
from lmkit.storage.byte_lines import blocks
from lmkit.storage.byte_ranges import CorruptInput, Range
from lmkit.storage.compressed_members import decompressed_from, members

START = re.compile(rb"(?<![\r\n])[\r\n]*+WARC/")
DOCUMENTS = {"response", "resource", "conversion"}
METADATA = "warc_metadata_records"
OTHER_RECORDS = {
    "warcinfo": "warc_info_records",
    "request": "warc_request_records",
    "metadata": METADATA,
    "revisit": "skipped_revisits",
    "continuation": "skipped_continuations",
}
"""The counts of records that every archive has, and of those that may have been pages."""
ABOUT_FETCHING = ("metadata:", "urn:pageinfo:", "urn:fetch:")
"""What wget and others write as resources: their log, their list of files."""
PAGES = {200, 203}
MEDIA = {
    "image": "images",
    "audio": "audio",
    "video": "video",
    "font": "fonts",
}
"""Skipped types by the part before the slash."""
SUBTYPES = {
    "css": "stylesheets",
    "javascript": "scripts",
    "x-javascript": "scripts",
    "ecmascript": "scripts",
    "jscript": "scripts",
    "vbscript": "scripts",
    "json": "data",
    "xml": "data",
}


def read_web_archive(
    part: Slice, source: Range, request: Request
) -> Iterator[Document | Unreadable]:
    """Yield the documents of the records that begin in a slice."""
    compression = part.compression
    if compression != "gzip" and compression != "zstd":

        def again() -> ByteBuffer:
            return ByteBuffer(data for _, data in blocks(source, compression))

        yield from _documents(part, RecordReader(again(), request.max_record, again), request, None)
        return
    for offset, pieces in members(source, compression, START):
        reading: list[int] = []
        again = _member_again(source, part, offset, reading)
        records = RecordReader(ByteBuffer(pieces), request.max_record, again)
        yield from _documents(part, records, request, offset)
        if reading:
            source.seek(reading[0])


def _member_again(
    source: Range, part: Slice, member: int, reading: list[int]
) -> Callable[[], ByteBuffer]:
    """Return a function that opens a member again, and notes where the file was read."""

    def again() -> ByteBuffer:
        assert part.compression != "none"
        reading.append(source.position)
        stream = decompressed_from(source, part.compression, member)
        return ByteBuffer(_of_member(stream, member))

    return again


def _of_member(stream: Iterator[tuple[int, bytes]], member: int) -> Iterator[bytes]:
    for offset, data in stream:
        if offset != member:
            return
        yield data


def _documents(
    part: Slice, records: RecordReader, request: Request, member: int | None
) -> Iterator[Document | Unreadable]:
    """Yield the documents of a stream of records; in a `member`, their offset is that of it."""
    for number, (position, found) in enumerate(records):
        offset = position if member is None else member
        record = number if part.compression != "none" else None
        try:
            if isinstance(found, CorruptInput):
                raise found
            document = _document(part, found, request, offset, record)
        except CorruptInput as damage:
            yield unreadable(part, CorruptInput(offset, damage.reason), number)
            continue
        if isinstance(document, Document):
            yield document
        else:
            request.counts[document] += 1


def _document(
    part: Slice, found: Record, request: Request, offset: int, record: int | None
) -> Document | str:
    """Return a record as a document, or the name under which it is counted.

    Raises `CorruptInput`.
    """
    headers = found.headers
    kind = headers.get("warc-type", "").lower()
    url = headers.get("warc-target-uri", "").strip("<>")
    if kind not in DOCUMENTS:
        return OTHER_RECORDS.get(kind, "skipped_other_records")
    media = headers.get("content-type", "")
    head: Head | None = None
    if media.startswith("text/dns") or url.startswith("dns:"):
        return "skipped_dns_records"
    if kind == "resource" and url.startswith(ABOUT_FETCHING):
        return METADATA
    if media.startswith("application/http") or (kind == "response" and not media):
        head = parse_head(found.content)
        if head.status not in PAGES:
            return _status(head.status)
        if not head.body:
            return "skipped_empty"
    skipped = _skipped_media(head.media if head else media.partition(";")[0].strip().lower())
    if skipped:
        return skipped
    if not found.complete:
        raise CorruptInput(offset, request.too_long)
    if head:
        response = decode_body(head, request.max_record, request.too_long)
    else:
        response = Response.of(media, found.content)
    metadata: dict[str, str | bool | None] = {"date": headers.get("warc-date")}
    if response.is_html:
        _refuse_binary(response)
        text, of_page = page_text(response.body, request, response.charset)
        metadata = {**of_page, **({} if "date" in of_page else metadata)}
    elif kind == "conversion":
        text = decode(response.body)
        metadata["language"] = headers.get("warc-identified-content-language")
    elif response.media.startswith("text/") and response.media != "text/xml":
        _refuse_binary(response)
        text, replaced = decoded(response.body, response.charset or "utf-8")
        if replaced:
            request.counts["replaced_characters"] += replaced
    else:
        return (
            "skipped_data"
            if response.media in {"text/xml", "application/xml"}
            else "skipped_other_media"
        )
    if url:
        metadata["url"] = url
    if response.truncated or headers.get("warc-truncated"):
        metadata["truncated"] = True
        request.counts["truncated_responses"] += 1
    if response.trailing:
        request.counts["responses_with_bytes_after_the_end"] += 1
    return new_document(
        part, text, offset=offset, record=record, origin=url or None, metadata=dict(metadata)
    )


def _status(status: int) -> str:
    if 300 <= status < 400:
        return "skipped_redirects"
    return "skipped_http_errors" if status >= 400 else "skipped_other_statuses"


def _skipped_media(media: str) -> str | None:
    """Return what a record of a media type is, None if it may hold text."""
    kind, _, subtype = media.partition("/")
    if media in {"text/xml", "application/xml", "application/xhtml+xml"}:
        return None  # it may be a page
    what = MEDIA.get(kind) or SUBTYPES.get(subtype.rpartition("+")[2])
    return what and f"skipped_{what}"


def _refuse_binary(response: Response) -> None:
    """Raise `CorruptInput` for a body that can't be the text that it is declared to be."""
    body = response.body
    wide = (response.charset or "").lower().startswith(("utf-16", "utf16", "ucs-2", "utf-32"))
    if not wide and not body[:64].lstrip().startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        refuse_binary(body[:4096])
