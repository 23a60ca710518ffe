"""HTTP responses as archives store them (RFC 9112), with their codings decoded."""

import re
import zlib
from dataclasses import dataclass

from lmkit.storage.byte_ranges import CorruptInput

HTML = {"text/html", "application/xhtml+xml"}
LOOKS_LIKE_HTML = re.compile(rb"\s*(?:<!doctype html|<html|<head|<body)", re.IGNORECASE)
CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Response:
    """A response: its status, media type, character set and body."""

    status: int
    media: str
    charset: str | None
    body: bytes

    @classmethod
    def of(cls, content_type: str, body: bytes, status: int = 200) -> "Response":
        """Create one from a Content-Type header and a body."""
        found = CHARSET.search(content_type)
        media = content_type.partition(";")[0].strip().lower()
        return cls(status, media, found[1] if found else None, body)

    @property
    def is_html(self) -> bool:
        """Whether the body is a page, also if the server declared no type."""
        undeclared = self.media in {"", "unk", "application/octet-stream"}
        return self.media in HTML or (undeclared and bool(LOOKS_LIKE_HTML.match(self.body)))


def parse_headers(block: bytes) -> dict[str, str]:
    r"""Return headers by their names in lower case; the first line is not a header.

    >>> parse_headers(b"WARC/1.0\r\nWARC-Type: response\r\nA: b\r\n  c")
    {'warc-type': 'response', 'a': 'b c'}
    """
    headers: dict[str, str] = {}
    name = ""
    for line in block.decode("utf-8", "replace").splitlines()[1:]:
        if line[:1] in {" ", "\t"} and name:
            headers[name] += " " + line.strip()
            continue
        name, _, value = line.partition(":")
        name = name.strip().lower()
        headers[name] = value.strip()
    return headers


def parse_response(data: bytes, limit: int, too_long: str) -> Response:
    """Return a response with its codings decoded.

    Raises `CorruptInput` if it is invalid, or becomes more than `limit` bytes.
    """
    end = re.search(rb"\r?\n\r?\n", data)
    head, body = (data[: end.start()], data[end.end() :]) if end else (data, b"")
    status = re.match(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})", head)
    if status is None:
        raise CorruptInput(0, "not an HTTP response")
    headers = parse_headers(head)
    # Common Crawl stores decoded bodies and renames these headers; other archives don't.
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = _without_chunks(body)
    if headers.get("content-encoding", "").lower() in {"gzip", "x-gzip", "deflate"}:
        body = _decompressed(body, limit, too_long)
    return Response.of(headers.get("content-type", ""), body, int(status[1]))


def _without_chunks(body: bytes) -> bytes:
    """Decode the chunked coding; a body without it is returned unchanged."""
    pieces: list[bytes] = []
    offset = 0
    while size := re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[^\r\n]*\r?\n").match(body, offset):
        length = int(size[1], 16)
        if length == 0:
            return b"".join(pieces)
        pieces.append(body[size.end() : size.end() + length])
        offset = size.end() + length
        offset += 2 if body[offset : offset + 2] == b"\r\n" else body[offset : offset + 1] == b"\n"
    return b"".join(pieces) if offset >= len(body) and pieces else body


def _decompressed(body: bytes, limit: int, too_long: str) -> bytes:
    """Decompress gzip or deflate, with or without its header, as far as the body is complete."""
    if not body:
        return body
    for bits in (47, -15):
        decompressor = zlib.decompressobj(wbits=bits)
        try:
            found = decompressor.decompress(body, limit + 1)
        except zlib.error:
            continue
        if len(found) > limit:
            raise CorruptInput(0, too_long)
        return found
    return body
