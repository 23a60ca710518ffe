r"""The codings of HTTP bodies, undone: gzip, deflate, br and zstd (RFC 9110 8.4, 7932, 8878).

Choices:
- Several gzip members or zstd frames are one body. deflate may lack its zlib header, as some
  servers send it.
- A body that ends early gives what was there and `truncated`; bytes after its end are counted. A
  body that is damaged in the middle is an error: what a decoder returns then is unreliable.
- Archives often store a body decoded and keep the header. So a body that begins like text, where
  the coding would have its magic bytes or control characters, is returned unchanged. A coding that
  nobody has registered (`utf-8`, `none`) counts as none if the body is such a text; a registered
  one that isn't supported never does.
- Compressed bytes are fed in small pieces, so that a small body can't become gigabytes.
"""

import re
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import brotli
import zstandard

from lmkit.storage.byte_ranges import CorruptInput

STEP = 2 << 10
MAX_CODINGS = 4
ALIASES = {"x-gzip": "gzip", "x-zstd": "zstd"}
NONE = {"", "identity"}
UNSUPPORTED = {"aes128gcm", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip"}
"""The rest of IANA's registry (https://www.iana.org/assignments/http-parameters)."""
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
MAGICS = {"gzip": GZIP, "zstd": ZSTD}
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
"""What no text has. 0x1B switches the character set in ISO-2022."""
PROBED = 64 << 10
LEGACY = 64
"""Text that isn't UTF-8 is recognized by its lack of control characters from this length on."""


@dataclass(frozen=True)
class Decoded:
    """A body without its codings."""

    body: bytes
    truncated: bool = False
    trailing: int = 0
    """The number of bytes after the end of the compressed data."""
    changed: bool = False
    """Whether a coding was undone; else the body was stored decoded."""


def decoded(body: bytes, codings: Sequence[str], limit: int, too_long: str) -> Decoded:
    """Undo codings, the last one first. Raises `CorruptInput` with the name of one that can't be.

    >>> import gzip
    >>> decoded(gzip.compress(b"Hello"), ["identity", "gzip"], 100, "").body
    b'Hello'
    """
    names = [ALIASES.get(name.strip().lower(), name.strip().lower()) for name in codings]
    names = [name for name in names if name not in NONE]
    if len(names) > MAX_CODINGS:
        raise CorruptInput(0, f"more than {MAX_CODINGS} content codings")
    found = Decoded(body)
    for name in reversed(names):
        if not found.body or (name not in UNSUPPORTED and _is_decoded(found.body, name)):
            continue
        if name not in _DECODERS:
            raise CorruptInput(0, f"content coding {name[:40]!r} is not supported")
        text, truncated, trailing = _undone(found.body, name, limit, too_long)
        found = Decoded(text, found.truncated or truncated, found.trailing + trailing, changed=True)
    return found


def looks_like_text(data: bytes) -> bool:
    r"""Return whether data that may be compressed is text.

    >>> looks_like_text(b"<p>Text"), looks_like_text(zlib.compress(b"<p>Text"))
    (True, False)
    """
    start = data[:PROBED]
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return b"\0" in start[2:]
    if CONTROL.search(start):
        return False
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        # A short text in brotli is stored as it is, after a few bytes that are rarely ASCII.
        legacy = len(start) >= LEGACY and start[:3].isascii()
        return legacy or error.start > len(start) - 4
    return True


def _is_decoded(body: bytes, coding: str) -> bool:
    magic = MAGICS.get(coding)
    return looks_like_text(body) and not (magic and body.startswith(magic))


def _undone(body: bytes, coding: str, limit: int, too_long: str) -> tuple[bytes, bool, int]:
    """Return the decoded body, whether it is truncated, and the number of bytes after its end."""
    pieces: list[bytes] = []
    size = 0
    decoder = _DECODERS[coding](body)
    try:
        for piece in decoder:
            size += len(piece)
            if size > limit:
                raise CorruptInput(0, too_long)
            pieces.append(piece)
    except (zlib.error, zstandard.ZstdError, brotli.error) as error:
        raise CorruptInput(0, f"content coding {coding!r} can't be undone: {error}") from None
    return b"".join(pieces), decoder.truncated, decoder.trailing


class _Member(Protocol):
    @property
    def unused_data(self) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class _Members(ABC):
    """Members or frames one after the other, each with its decompressor."""

    truncated = False
    trailing = 0
    magic = b""

    def __init__(self, body: bytes) -> None:
        self._body = body

    @abstractmethod
    def _new(self) -> _Member: ...

    def __iter__(self) -> Iterator[bytes]:
        member = self._new()
        for start in range(0, len(self._body), STEP):
            chunk = self._body[start : start + STEP]
            while chunk:
                if member.eof:
                    rest = chunk + self._body[start + STEP : start + STEP + 4]
                    if not self.magic or not rest.startswith(self.magic):
                        end = start + min(STEP, len(self._body) - start) - len(chunk)
                        self.trailing = len(self._body[end:].lstrip(b"\0"))
                        return
                    member = self._new()
                yield member.decompress(chunk)
                chunk = member.unused_data
        self.truncated = not member.eof


class _Gzip(_Members):
    magic = GZIP

    def _new(self) -> _Member:
        # Some servers send zlib's format by this name.
        return zlib.decompressobj(wbits=47)


class _Deflate(_Members):
    def _new(self) -> _Member:
        head = int.from_bytes(self._body[:2].ljust(2, b"\xff"), "big")
        # RFC 1950: the method is 8, the window 32 KB at most, and the header is a multiple of 31.
        zlib_header = head & 0x8F00 == 0x0800 and head % 31 == 0
        is_gzip = self._body.startswith(GZIP)
        return zlib.decompressobj(wbits=47 if zlib_header or is_gzip else -15)


class _Zstd(_Members):
    magic = ZSTD

    def _new(self) -> _Member:
        # RFC 9659 allows 8 MB; archives hold what servers sent.
        return zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()


class _Brotli:
    """A brotli stream. The library takes bytes after its end for damage."""

    truncated = False
    trailing = 0

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        decompressor: Any = brotli.Decompressor()
        for start in range(0, len(self._body), STEP):
            try:
                pieces = _fed(decompressor, self._body[start : start + STEP])
                first = next(pieces)
            except brotli.error:
                yield from self._last(start)
                return
            yield first
            yield from pieces
            if decompressor.is_finished():
                self.trailing = len(self._body[start + STEP :])
                return
        self.truncated = True

    def _last(self, start: int) -> Iterator[bytes]:
        """Decode the piece in which a stream ends, byte by byte. Raises `brotli.error`."""
        decompressor: Any = brotli.Decompressor()
        for offset in range(0, start, STEP):
            for _ in _fed(decompressor, self._body[offset : offset + STEP]):
                pass
        for offset in range(start, len(self._body)):
            yield from _fed(decompressor, self._body[offset : offset + 1])
            if decompressor.is_finished():
                self.trailing = len(self._body) - offset - 1
                return


def _fed(decompressor: Any, data: bytes) -> Iterator[bytes]:
    """Feed data; yield the output in bounded pieces."""
    yield decompressor.process(data, output_buffer_limit=1 << 20)
    while not decompressor.can_accept_more_data():
        yield decompressor.process(b"", output_buffer_limit=1 << 20)


_DECODERS: dict[str, type[_Gzip] | type[_Deflate] | type[_Zstd] | type[_Brotli]] = {
    "gzip": _Gzip,
    "deflate": _Deflate,
    "zstd": _Zstd,
    "br": _Brotli,
}
