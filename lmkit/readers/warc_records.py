"""The records of a stream of WARC, framed so that damage costs the record that it is in.

The format: ISO 28500, https://iipc.github.io/warc-specifications/specifications/warc-format/.

Choices:
- A record ends where its length says. Between records there may be any number of line ends, also
  none: the standard wants two, writers differ. So a payload that holds a WARC is never split.
- If no record follows where one must, either the length is wrong or what follows is damaged. The
  record is kept if its digest, or the Content-Length of the HTTP response in it, confirms its
  length; or if line ends or a damaged header follow. Else it is lost, also if a record seems to
  begin inside of it and nothing but a damaged header follows.
- After a loss, reading continues with the next header, wherever it is: a version line, then the
  mandatory fields. A header with few fields counts if blank lines precede it, or if a record
  follows where it says, so that text about WARC in a lost record is seldom taken for one.
- A record over the limit is streamed past. If its length was wrong, the stream is read again from
  there, a few times at most.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lmkit.readers.http_response import HEAD_END, parse_head, parse_headers
from lmkit.storage.byte_buffer import ByteBuffer
from lmkit.storage.byte_ranges import CorruptInput

MAGIC = b"WARC/"
VERSION = re.compile(rb"WARC/\d{1,2}\.\d{1,2}[ \t]*\r?\n")
DAMAGED_HEADER = re.compile(
    rb"[\r\n]*[^\r\n]{0,200}\r?\n(?:WARC-[A-Za-z-]{1,40}|Content-(?:Type|Length)):"
)
LENGTH = re.compile(r"[0-9]{1,18}")
MANDATORY = {"warc-type", "warc-record-id", "warc-date", "content-length"}
MAX_HEADER = 1 << 16
HEADER_STEP = 4 << 10
NEAR = 256
"""The number of bytes within which a separator that is damaged must end."""
LINE_ENDS = b"\r\n"
MAX_REREADS = 4
MAX_DIGESTED = 8
"""How often the bytes of a longest record may be hashed in a stream."""


@dataclass(frozen=True)
class Record:
    """A record: its headers, in lower case, and its content; only the start if it is too long."""

    headers: dict[str, str]
    content: bytes
    complete: bool = True


class _InvalidRecord(Exception):  # noqa: N818 (a result, like `CorruptInput`)
    """The next bytes are not a record."""


class RecordReader:
    """Reads the records of a stream. `again` opens the stream from its beginning."""

    def __init__(self, stream: ByteBuffer, limit: int, again: Callable[[], ByteBuffer]) -> None:
        self._stream = stream
        self._limit = limit
        self._again = again
        self._rereads = 0
        self._digestible = MAX_DIGESTED * limit
        self._number = 0

    def __iter__(self) -> Iterator[tuple[int, Record | CorruptInput]]:
        """Yield each record, or the damage in its place, with its position in the stream."""
        while True:
            self._stream.skip_any(LINE_ENDS)
            position = self._stream.position
            try:
                found = self._next()
                if found is None:
                    break
                yield position, found
            except CorruptInput as damage:
                yield position, damage
            self._number += 1
        if self._stream.damage:
            yield position, self._stream.damage

    def _next(self) -> Record | None:
        """Return the next record, None at the end. Raises `CorruptInput` after skipping it."""
        if not self._stream.peek(1):
            return None
        try:
            headers, start, length = self._header(0)
        except _InvalidRecord as bad:
            self._stream.skip(1)
            found = self._skip_to_record()
            raise self._damage(str(bad), found) from None
        if length > self._limit:
            return self._past(headers, start, length)
        end = start + length
        if self._ends_at(end):
            self._check_end(end)
            if self._may_hold_records(headers, start, end) and (
                self._digest_agrees(headers, start, end) is False
            ):
                raise self._wrong_length(start, length)
            return self._taken(headers, start, length)
        if self._is_complete(headers, start, end):
            return self._taken(headers, start, length)
        raise self._wrong_length(start, length)

    def _wrong_length(self, start: int, length: int) -> CorruptInput:
        """Skip to the next record; return why this one is lost."""
        truncated = length > 0 and not self._stream.peek_at(start + length - 1, 1)
        self._stream.skip(start)
        found = self._skip_to_record()
        what = "truncated" if truncated and not found else "wrong length"
        return self._damage(f"{what}: {length:,} bytes should follow its header", found)

    def _may_hold_records(self, headers: dict[str, str], start: int, end: int) -> bool:
        """Return whether a record with a digest seems to hold others: its length may be wrong."""
        if "warc-block-digest" not in headers or self._declared_end(headers, start) == end:
            return False
        return self._find_record(start, end) >= 0

    def _taken(self, headers: dict[str, str], start: int, length: int) -> Record:
        self._stream.skip(start)
        return Record(headers, self._stream.take(length))

    def _damage(self, reason: str, record_follows: bool) -> CorruptInput:
        """Return why a record is lost: the stream's own damage if that has ended it."""
        damage, position = self._stream.damage, self._stream.position
        if damage is None or record_follows:
            return CorruptInput(position, reason)
        self._stream.damage = None  # it is reported now
        return damage

    def _check_end(self, end: int) -> None:
        """Raise the stream's damage if it comes right after its first record.

        A member of a record has a checksum at its end, so that the damage may be in the record.
        """
        damage = self._stream.damage
        if damage and self._number == 0 and not self._stream.peek_at(end, 64).strip(LINE_ENDS):
            self._stream.skip(end + 64)
            self._stream.damage = None
            raise damage

    def _past(self, headers: dict[str, str], start: int, length: int) -> Record:
        """Skip a record over the limit."""
        position = self._stream.position + start
        content = self._stream.peek_at(start, MAX_HEADER)
        skipped = self._stream.skip(start + length) == start + length
        if (skipped and self._ends_at(0)) or self._rereads == MAX_REREADS:
            return Record(headers, content, complete=False)
        damage = self._stream.damage
        self._rereads += 1
        self._stream = self._again()
        self._stream.skip(position)
        found = self._skip_to_record()
        self._stream.damage = self._stream.damage or (None if found else damage)
        what = "wrong length" if skipped or found else "truncated"
        raise self._damage(f"{what}: {length:,} bytes should follow its header", found)

    def _header(self, offset: int) -> tuple[dict[str, str], int, int]:
        """Return the headers of a record, and the offset and the length of its content."""
        for size in (HEADER_STEP, MAX_HEADER):
            start = self._stream.peek_at(offset, size)
            if not start.startswith(MAGIC):
                raise _InvalidRecord("not a WARC record")
            end = HEAD_END.search(start)
            if end:
                break
        else:
            raise _InvalidRecord("a WARC header without an end")
        block = start[: end.start()]
        headers = parse_headers(block)
        length = headers.get("content-length", "")
        if not LENGTH.fullmatch(length):
            raise _InvalidRecord(f"no length in a WARC header: {length[:40]!r}")
        if b"\nHTTP/" in block:
            raise _InvalidRecord("a WARC header without an end")
        return headers, offset + end.end(), int(length)

    def _ends_at(self, offset: int) -> bool:
        """Return whether a record may end at an offset: another follows, or nothing does."""
        if offset and not self._stream.peek_at(offset - 1, 1):
            return False
        for size in (16, MAX_HEADER):
            rest = self._stream.peek_at(offset, size)
            following = rest.lstrip(LINE_ENDS)
            if len(following) >= 5 or len(rest) < size:
                break
        # A file may be cut off within the next magic bytes.
        return following.startswith(MAGIC) or MAGIC.startswith(following)

    def _is_complete(self, headers: dict[str, str], start: int, end: int) -> bool:
        """Return whether a record is complete although none follows it."""
        if not self._stream.peek_at(end - 1, 1):
            return False
        digest = self._digest_agrees(headers, start, end)
        if digest is not None:
            return digest
        declared = self._declared_end(headers, start)
        if declared not in {None, end}:
            return False
        after = self._stream.peek_at(end, HEADER_STEP)
        near = VERSION.search(after, 0, NEAR)
        separated = bool(re.match(rb"\r?\n\r?\n", after)) or (
            near is not None and (after[:1] in (b"\r", b"\n") or 0 < near.start() <= 4)
        )
        if self._find_record(start, end) >= 0:
            return separated and declared == end
        return separated or declared == end or bool(DAMAGED_HEADER.match(after))

    def _digest_agrees(self, headers: dict[str, str], start: int, end: int) -> bool | None:
        """Return whether the content has its digest, None if that can't be told."""
        name, _, value = headers.get("warc-block-digest", "").partition(":")
        name = name.strip().lower().replace("-", "")
        size = end - start
        if name not in {"sha1", "md5", "sha256", "sha512"} or size > self._digestible:
            return None
        self._digestible -= size
        digest = hashlib.new(name, self._stream.peek_at(start, size)).digest()
        value = value.strip().rstrip("=").lower()
        base32 = base64.b32encode(digest).decode().rstrip("=").lower()
        return value in {base32, digest.hex()} or value == base64.b64encode(digest).decode().lower()

    def _declared_end(self, headers: dict[str, str], start: int) -> int | None:
        """Return where the HTTP response in a record ends by its own Content-Length."""
        if not headers.get("content-type", "").startswith("application/http"):
            return None
        content = self._stream.peek_at(start, HEADER_STEP)
        if not HEAD_END.search(content):
            content = self._stream.peek_at(start, MAX_HEADER)
        try:
            head = parse_head(content)
        except CorruptInput:
            return None
        length = head.headers.get("content-length", "")
        coded = "transfer-encoding" in head.headers or "content-encoding" in head.headers
        if coded or not LENGTH.fullmatch(length):
            return None  # it is that of the coded body, and archives may store it decoded
        return start + len(content) - len(head.body) + int(length)

    def _skip_to_record(self) -> bool:
        """Skip to the next header; return whether there is one."""
        while True:
            offset = self._find_record(0, MAX_HEADER * 16)
            if offset >= 0:
                self._stream.skip(offset)
                return True
            if not self._stream.has(MAX_HEADER * 16 + 1):
                self._stream.skip(MAX_HEADER * 16)
                return False
            # What precedes a header counts.
            self._stream.skip(MAX_HEADER * 16 - 4)

    def _find_record(self, start: int, stop: int) -> int:
        """Return how far ahead the first header between two offsets is, -1 if there is none."""
        while (offset := self._stream.find(MAGIC, start, stop)) >= 0:
            if VERSION.match(self._stream.peek_at(offset, 32)) and self._is_header(offset):
                return offset
            start = offset + 1
        return -1

    def _is_header(self, offset: int) -> bool:
        """Return whether a version line is that of a record."""
        start = self._stream.peek_at(offset, HEADER_STEP)
        end = HEAD_END.search(start)
        block = start[: end.start()] if end else start
        if b"\nWARC/" in block:
            return False
        headers = parse_headers(block)
        fields = MANDATORY & headers.keys()
        if len(fields) >= 3:
            return True
        if not fields & {"warc-type", "content-length"}:
            return False
        before = self._stream.peek_at(max(0, offset - 4), min(4, offset))
        if before.replace(b"\r", b"").endswith(b"\n\n"):
            return True
        try:
            _, content, length = self._header(offset)
        except _InvalidRecord:
            return False
        return length <= self._limit and self._ends_at(content + length)
