"""Random damages of WARC files, and which records they leave untouched."""

import gzip
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

SEPARATORS = [b"\r\n\r\n", b"\n\n", b"\r\n", b"\n", b"", b"\r\n\r\n\r\n"]
WORDS = ["lamp", "tower", "keeper", "granite", "harbour", "pilot", "museum", "evening", "stairs"]
TEXT_ABOUT_WARC = """A record looks like this:

WARC/1.0
WARC-Type: response
Content-Length: 9

HTTP/1.1

and another one follows it.
"""
Style = Literal["plain", "gzip"]


@dataclass(frozen=True)
class Archive:
    """A file, the bytes of its records in it, and the sentence by which each is recognized."""

    data: bytes
    spans: list[tuple[int, int]]
    sentences: list[str]
    style: Style


def sentence_of(number: int) -> str:
    return f"This is page number {number:04d}."


def record(number: int, draw: random.Random) -> bytes:
    """Return one response or resource; some have line ends, lengths or text about WARC in them."""
    words = " ".join(draw.choice(WORDS) for _ in range(draw.randrange(10, 400)))
    blank = draw.choice(["\n", "\r\n\r\n", "\n\n"])
    about = TEXT_ABOUT_WARC if number % 17 == 3 else ""
    body = f"{words}{blank}{sentence_of(number)}{blank}{about}{words} End {number:04d}.".encode()
    head = b""
    kind, media = "resource", "text/plain"
    if number % 2:
        kind, media = "response", "application/http; msgtype=response"
        length = f"Content-Length: {len(body)}\r\n" if number % 3 else ""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{length}\r\n".encode()
    lines = [
        draw.choice(["WARC/1.0", "WARC/1.1", "WARC/0.18", "WARC/0.17"]),
        f"WARC-Type: {kind}",
        f"WARC-Target-URI: https://cape.example/{number}",
        "WARC-Date: 2024-05-01T10:00:00Z",
        f"WARC-Record-ID: <urn:uuid:{draw.getrandbits(128):032x}>",
        f"Content-Type: {media}",
        f"Content-Length: {len(head + body)}",
    ]
    end = draw.choice(["\r\n", "\n"])
    return (end.join(lines) + end + end).encode() + head + body


def archive(count: int, seed: int, style: Style) -> Archive:
    """Return an archive; the separators have one width, or any in each place."""
    draw = random.Random(seed)
    fixed = draw.choice([*SEPARATORS, None])
    data, spans = b"", []
    for number in range(count):
        separator = draw.choice(SEPARATORS) if fixed is None else fixed
        one = record(number, draw)
        stored = gzip.compress(one + separator) if style == "gzip" else one
        spans.append((len(data), len(data) + len(stored)))
        data += stored + (b"" if style == "gzip" else separator)
    return Archive(data, spans, [sentence_of(number) for number in range(count)], style)


def damaged(made: Archive, draw: random.Random) -> tuple[str, bytes, list[int]]:
    """Return the kind of a random damage, the damaged file, and the untouched records."""
    name = draw.choice(list(KINDS))
    data, start, stop = KINDS[name](made, draw)
    # Bytes that are inserted directly after a record can't be told from its own.
    untouched = [
        number
        for number, (first, last) in enumerate(made.spans)
        if last < start or first >= stop or (last == start < stop and name != "inserted")
    ]
    return name, data, untouched


def _flipped(made: Archive, draw: random.Random) -> tuple[bytes, int, int]:
    start = draw.randrange(len(made.data))
    stop = min(len(made.data), start + draw.choice([1, 1, 2, 20, 300]))
    data = bytearray(made.data)
    for index in range(start, stop):
        data[index] ^= draw.randrange(1, 256)
    return bytes(data), start, stop


def _deleted(made: Archive, draw: random.Random) -> tuple[bytes, int, int]:
    start = draw.randrange(len(made.data))
    stop = min(len(made.data), start + draw.choice([1, 3, 20, 300, 3_000]))
    return made.data[:start] + made.data[stop:], start, stop


def _inserted(made: Archive, draw: random.Random) -> tuple[bytes, int, int]:
    start = draw.randrange(len(made.data))
    size = draw.choice([1, 3, 20, 300, 3_000])
    extra = draw.choice([draw.randbytes(size), bytes(size), b"text " * size])
    return made.data[:start] + extra + made.data[start:], start, start


def _truncated(made: Archive, draw: random.Random) -> tuple[bytes, int, int]:
    start = draw.randrange(1, len(made.data))
    return made.data[:start], start, len(made.data)


def _length_altered(made: Archive, draw: random.Random) -> tuple[bytes, int, int]:
    start, stop = made.spans[draw.randrange(len(made.spans))]
    stored = made.data[start:stop]
    one = gzip.decompress(stored) if made.style == "gzip" else stored
    found = re.search(rb"Content-Length: (\d+)", one)
    assert found
    length = draw.choice([0, 1, draw.randrange(5_000), draw.randrange(10**6), 10**9, 10**15])
    one = one[: found.start(1)] + str(length).encode() + one[found.end(1) :]
    stored = gzip.compress(one) if made.style == "gzip" else one
    return made.data[:start] + stored + made.data[stop:], start, stop


def _separator_removed(made: Archive, draw: random.Random) -> tuple[bytes, int, int]:
    number = draw.randrange(len(made.spans) - 1)
    start, stop = made.spans[number][1], made.spans[number + 1][0]
    return made.data[:start] + made.data[stop:], start, stop


KINDS: dict[str, Callable[[Archive, random.Random], tuple[bytes, int, int]]] = {
    "flipped": _flipped,
    "deleted": _deleted,
    "inserted": _inserted,
    "truncated": _truncated,
    "length altered": _length_altered,
    "separator removed": _separator_removed,
}
