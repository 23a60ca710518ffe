"""HTTP responses as archives store them (RFC 9112), with their codings undone.

Choices:
- The head is parsed first: bodies that nobody reads, of images and of redirects, aren't decoded.
- Archives may store a body decoded and keep the headers of its codings, or rename them, as Common
  Crawl does. A body that isn't in the chunked coding is returned as it is; for content codings see
  `storage/content_codings.py`.
- A truncated body, by its own coding or by Content-Length, gives the text that is there, and
  `truncated`: crawlers stop at a maximum size. One of which nothing can be decoded is an error.
- Compressed bytes under the type of a text are decompressed without a header too (gzip).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lmkit.storage.byte_ranges import CorruptInput
from lmkit.storage.content_codings import GZIP, Decoded, decoded

HTML = {"text/html", "application/xhtml+xml"}
UNDECLARED = {"", "unk", "unknown/unknown", "application/octet-stream", "application/unknown"}
LOOKS_LIKE_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--.{0,1000}?-->\s*)*"
    rb"(?:<!doctype html|<html|<head|<body)",
    re.IGNORECASE | re.DOTALL,
)
CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]+)", re.IGNORECASE)
HEAD_END = re.compile(rb"\r?\n\r?\n")
STATUS = re.compile(rb"\s*HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?!\d)")
CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r?\n")
REPEATED = {"content-encoding", "transfer-encoding"}
"""Headers whose lists may be divided between several lines."""
MAX_INTERIM = 5
"""Responses such as `100 Continue` before the final one."""


@dataclass(frozen=True)
class Response:
    """A response: its status, media type, character set and body."""

    status: int
    media: str
    charset: str | None
    body: bytes
    truncated: bool = False
    trailing: int = 0
    """The number of bytes after the end of the body."""

    @classmethod
    def of(cls, content_type: str, body: bytes, status: int = 200) -> "Response":
        """Create one from a Content-Type header and a body."""
        found = CHARSET.search(content_type)
        media = content_type.partition(";")[0].strip().lower()
        return cls(status, media, found[1] if found else None, body)

    @property
    def is_undeclared(self) -> bool:
        """Whether the server declared no type, or one that means none."""
        return self.media in UNDECLARED

    @property
    def is_html(self) -> bool:
        """Whether the body is a page, also if the server declared no type."""
        sniffed = self.is_undeclared or self.media in {"text/xml", "application/xml"}
        return self.media in HTML or (sniffed and bool(LOOKS_LIKE_HTML.match(self.body)))


@dataclass(frozen=True)
class Head:
    """A response whose body is as stored."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media(self) -> str:
        """The declared media type, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def parse_headers(block: bytes) -> dict[str, str]:
    r"""Return headers by their names in lower case; the first line is not a header.

    >>> parse_headers(b"WARC/1.0\r\nWARC-Type: response\r\nA: b\r\n  c")
    {'warc-type': 'response', 'a': 'b c'}
    """
    headers: dict[str, str] = {}
    name = ""
    for line in block.decode("utf-8", "replace").split("\n")[1:]:
        if line[:1] in {" ", "\t"} and name:
            headers[name] += " " + line.strip()
            continue
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        if name in REPEATED and headers.get(name):
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


def parse_head(data: bytes) -> Head:
    """Return a response with the body as stored. Raises `CorruptInput` if it isn't one."""
    status, head, body = _parts(data)
    for _ in range(MAX_INTERIM):
        if status >= 200 or not STATUS.match(body):
            break
        status, head, body = _parts(body)
    return Head(status, parse_headers(head.lstrip()), body)


def _parts(data: bytes) -> tuple[int, bytes, bytes]:
    end = HEAD_END.search(data)
    head, body = (data[: end.start()], data[end.end() :]) if end else (data, b"")
    status = STATUS.match(head)
    if status is None:
        raise CorruptInput(0, "not an HTTP response")
    return int(status[1]), head, body


def decode_body(head: Head, limit: int, too_long: str) -> Response:
    """Return a response with its codings undone.

    Raises `CorruptInput` if they can't be, or if the body becomes more than `limit` bytes.
    """
    headers = head.headers
    transfer = _codings(headers.get("transfer-encoding", ""))
    found = Decoded(head.body)
    if "chunked" in transfer:
        found = _without_chunks(head.body)
        transfer = [name for name in transfer if name != "chunked"]
    codings = [*_codings(headers.get("content-encoding", "")), *transfer]
    body = decoded(found.body, codings, limit, too_long)
    missing = (
        "chunked" not in headers.get("transfer-encoding", "").lower()
        and (body.changed or not codings)
        and _is_longer(headers.get("content-length", ""), len(head.body))
    )
    response = Response.of(headers.get("content-type", ""), body.body, head.status)
    is_text = response.media.startswith("text/") or response.media in HTML
    if is_text and body.body.startswith(GZIP):
        missing = missing or body.truncated
        body = decoded(body.body, ["gzip"], limit, too_long)
    truncated = found.truncated or body.truncated or missing
    if truncated and head.body and not body.body:
        raise CorruptInput(0, "truncated: nothing of the body can be decoded")
    if len(body.body) > limit:
        raise CorruptInput(0, too_long)
    trailing = found.trailing + body.trailing
    return Response(
        response.status, response.media, response.charset, body.body, truncated, trailing
    )


def parse_response(data: bytes, limit: int, too_long: str) -> Response:
    """Return a response with its codings undone. Raises `CorruptInput`."""
    return decode_body(parse_head(data), limit, too_long)


def _codings(header: str) -> list[str]:
    return [name.partition(";")[0].strip().lower() for name in header.split(",") if name.strip()]


def _is_longer(content_length: str, size: int) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,18}", content_length)) and int(content_length) > size


def _without_chunks(body: bytes) -> Decoded:
    """Undo the chunked coding; a body without it is returned unchanged.

    Raises `CorruptInput` where it is damaged.
    """
    pieces: list[bytes] = []
    offset = 0
    while size := CHUNK_SIZE.match(body, offset):
        length = int(size[1], 16)
        if length == 0:
            return Decoded(b"".join(pieces), trailing=_after_trailers(body, size.end()))
        stop = size.end() + length
        pieces.append(body[size.end() : stop])
        end = re.compile(rb"\r?\n").match(body, stop)
        if end is None and stop < len(body) - 1:
            if len(pieces) == 1:
                return Decoded(body)  # a text whose first line looks like a size
            raise CorruptInput(0, f"the chunked coding is damaged at byte {stop:,} of the body")
        offset = end.end() if end else len(body)
    if not pieces:
        return Decoded(body)
    if offset < len(body) and len(body) - offset > 18:
        raise CorruptInput(0, f"the chunked coding is damaged at byte {offset:,} of the body")
    return Decoded(b"".join(pieces), truncated=True)


def _after_trailers(body: bytes, offset: int) -> int:
    """Return the number of bytes after the last chunk and its trailers (RFC 9112 7.1.2)."""
    line = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\r\n]*)?\r?\n")
    while found := line.match(body, offset):
        offset = found.end()
        if not found[0].strip():
            break
    return len(body[offset:].strip(b"\r\n\0"))
