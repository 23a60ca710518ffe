"""Wikipedia's XML dumps: an article is a document.

Choices:
- Redirects and pages of other namespaces (talk, users, templates, categories) are no articles,
  and are passed over without being counted.
- Of a page with its history the newest revision is the article: by time, else by number, else the
  last, because histories come in any order. The newest so far is all that is held of a history,
  which may be gigabytes; `--max-record` counts for the page with that one revision.
- A task reads the pages that begin in its slice, or in the bzip2 blocks that do: so a dump is
  shared out, whether it has a stream for each hundred pages or is one of many gigabytes.
- Where a page lies: the byte offset of the page in a plain file; else that of its block, and
  its number there.
"""

import re
from collections import deque
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.byte_buffer import Pieces
from lmkit.readers.reader import Request, new_document, unreadable
from lmkit.readers.wikitext import plain_wikitext
from lmkit.readers.xml_elements import decoded, parse
from lmkit.storage.byte_lines import blocks
from lmkit.storage.byte_ranges import CorruptInput, Range
from lmkit.storage.compressed_members import first_member, next_member

LANGUAGE = re.compile(rb"<mediawiki[^>]*xml:lang=\"([a-z-]+)\"")
REVISION = re.compile(rb"<revision(?:\s[^>]*)?>\Z")
NUMBER = re.compile(rb"\s*<id>\s*(\d+)\s*</id>")
TIME = re.compile(rb"<timestamp>\s*(\d{4}-\d\d-\d\dT[\d:.]+)Z?\s*</timestamp>")
ADDRESS = re.compile(rb"<base>(https?://[^<]+/)[^</]*</base>")


def read_wikipedia(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the articles of a slice."""
    try:
        site = _site(part)
    except CorruptInput as damage:
        if source.start == 0:  # one task says it
            yield unreadable(part, damage)
        return
    if site["wide"]:
        # Where a character begins, only a reader from the start on knows.
        if source.start == 0:
            whole = _Blocks((0, data) for data in _narrow(part, source))
            yield from _articles(part, whole, request, site, part.size)
        return
    place: int | None = source.start
    if part.compression != "none":
        place = first_member(source, part.compression)
    while place is not None:
        source.seek(place)
        stream = blocks(source, part.compression, place=place)
        found = _Blocks(stream, place if part.compression == "none" else None)
        yield from _articles(part, found, request, site, source.stop)
        damage, place = found.damage, None
        if damage is not None and (damage.offset < source.stop or not source.stop):
            yield unreadable(part, damage)
            if part.compression != "none":
                place = next_member(source, part.compression, damage.offset + 1, source.stop)


class _Blocks:
    """A stream of blocks that remembers where in it each began, and what ended it.

    In a plain file, which begins at a place, there is only one, and places are those of bytes.
    """

    def __init__(self, stream: Iterator[tuple[int, bytes]], plain: int | None = None) -> None:
        self._stream = stream
        self._plain = plain
        self._begins: deque[tuple[int, int]] = deque()
        self._number = 0
        self.damage: CorruptInput | None = None

    def __iter__(self) -> Iterator[bytes]:
        position = 0
        try:
            for place, data in self._stream:
                if not self._begins or self._begins[-1][1] != place:
                    self._begins.append((position, place))
                position += len(data)
                yield data
        except CorruptInput as damage:
            self.damage = damage

    def place(self, position: int) -> tuple[int, int | None]:
        """Return the block of a position and how many were asked for in it; asked in order."""
        if self._plain is not None:
            return self._plain + position, None
        while len(self._begins) > 1 and self._begins[1][0] <= position:
            self._begins.popleft()
            self._number = 0
        self._number += 1
        return self._begins[0][1], self._number - 1


def _articles(
    part: Slice, stream: _Blocks, request: Request, site: dict[str, str], stop: int
) -> Iterator[Document | Unreadable]:
    """Yield the articles of the pages that begin before a place."""
    pieces = Pieces(iter(stream))
    for position, data in _pages(pieces, request):
        offset, record = stream.place(position)
        if offset >= stop:
            return
        if isinstance(data, CorruptInput) and data.reason.startswith("truncated") and stream.damage:
            return  # whoever knows how to go on tells of it
        try:
            if isinstance(data, CorruptInput):
                raise data
            document = _article(part, parse(data, site["encoding"]), site, offset, record)
        except CorruptInput as damage:
            yield unreadable(part, CorruptInput(offset, damage.reason), record or 0)
            continue
        if document:
            yield document


def _pages(pieces: Pieces, request: Request) -> Iterator[tuple[int, bytes | CorruptInput]]:
    """Yield each page with its newest revision, and its place; damage in place of a bad one."""
    while pieces.skip_to(b"<page>"):
        place = pieces.position
        try:
            yield place, _page(pieces, request)
        except CorruptInput as damage:
            pieces.damage = None
            yield place, CorruptInput(place, damage.reason)


def _page(pieces: Pieces, request: Request) -> bytes:
    """Take a page, and return it without its older revisions. Raises `CorruptInput`."""
    newest = b""
    around = [pieces.take(len(b"<page>"))]
    size = len(around[0])
    while not around[-1].endswith(b"</page>"):
        around.append(_taken(pieces, b">", request))
        if around[-1].endswith(b"<page>"):
            pieces.give_back(b"<page>")
            raise CorruptInput(0, "it has no end")
        begun = REVISION.search(around[-1])
        if begun:
            around[-1] = around[-1][: begun.start()]
            revision = _taken(pieces, b"</revision>", request)
            newest = revision if not newest or _is_newer(revision, newest) else newest
        size += len(around[-1])
        if size + len(newest) > request.max_record:
            raise CorruptInput(0, request.too_long)
    if newest:
        around.insert(1, b"<revision>" + newest)
    return b"".join(around)


def _taken(pieces: Pieces, marker: bytes, request: Request) -> bytes:
    """Take the bytes up to the end of a marker, which lies in this page. Raises `CorruptInput`."""
    found = pieces.take_to(marker, request.max_record)
    if found is None and (pieces.damage or not pieces.has(request.max_record + 1)):
        reason = pieces.damage.reason if pieces.damage else "truncated: it has no end"
        raise CorruptInput(0, reason)
    if found is None:
        raise CorruptInput(0, request.too_long)
    again = found.find(b"<page>") if marker != b">" else -1
    if again >= 0:
        pieces.give_back(found[again:])
        raise CorruptInput(0, "it has no end")
    return found


def _is_newer(revision: bytes, other: bytes) -> bool:
    """Tell whether a revision is newer than one that stands before it."""
    times, numbers = [], []
    for each in (revision, other):
        time = TIME.search(each.partition(b"<text")[0])
        number = NUMBER.match(each)
        times.append(time[1] if time else None)
        numbers.append(int(number[1]) if number else None)
    for new, old in (times, numbers):
        if new is not None and old is not None and new != old:
            return new > old
    return True


def _narrow(part: Slice, source: Range) -> Iterator[bytes]:
    return decoded(data for _, data in blocks(source, part.compression))[0]


def _site(part: Slice) -> dict[str, str]:
    """Return what the head of the dump says: its encoding, language and address."""
    with Range(part.path, 0, part.size) as source:
        first = next((data for _, data in blocks(source, part.compression, 1 << 16)), b"")
    stream, encoding = decoded(iter([first]))
    start = b"".join(stream)
    language, address = LANGUAGE.search(start), ADDRESS.search(start)
    return {
        "encoding": encoding,
        "wide": "yes" if start != first else "",
        "language": language[1].decode() if language else "",
        "address": address[1].decode() if address else "",
    }


def _article(
    part: Slice,
    page: ElementTree.Element,
    site: dict[str, str],
    offset: int,
    record: int | None,
) -> Document | None:
    title = page.findtext("title") or ""
    if page.find("redirect") is not None or (page.findtext("ns") or "0").strip() != "0":
        return None
    revision = page.find("revision")
    wikitext = (revision.findtext("text") if revision is not None else None) or ""
    if wikitext.lstrip()[:9].upper() == "#REDIRECT":
        return None
    notes: dict[str, Any] = {
        "title": title,
        "language": site["language"],
        "date": revision.findtext("timestamp") if revision is not None else None,
        "url": site["address"] + quote(title.replace(" ", "_")) if site["address"] else None,
        "page": page.findtext("id"),
    }
    return new_document(part, plain_wikitext(wikitext), offset=offset, record=record, notes=notes)
