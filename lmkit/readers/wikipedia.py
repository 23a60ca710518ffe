"""Wikipedia's XML dumps: an article is a document.

Choices:
- Redirects and pages of other namespaces than `--read.namespaces` (talk, users, templates) are no
  documents: they are skipped, and counted. Without a `<redirect>` a page that is only `#WORD [[x]]`
  is a redirect too, in any language.
- Of a page with its history the newest revision is the article: by time, else by id, else the last,
  because histories may have any order. One whose text was deleted counts only if all others were.
  Only the newest revision so far is held of a history, which may be gigabytes; `--max-record`
  applies to the page with that one revision.
- The names of namespaces and the language are those in the header of the dump. Pages that aren't
  wikitext, such as modules, are their source.
- A task reads the pages that begin in its slice, or in the bzip2 blocks that do: so a dump is
  divided between tasks, whether it has a stream per hundred pages or is one of many gigabytes.
- The location of a page is its byte offset in a plain file; else the offset of its block, and its
  index there.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.errors import LmkitError
from lmkit.readers.reader import Request, new_document, unreadable
from lmkit.readers.wiki.namespaces import ARTICLE, Site, namespace_names, normalized
from lmkit.readers.wikitext import Page, plain_wikitext
from lmkit.readers.xml_elements import decoded, parse
from lmkit.storage.byte_buffer import ByteBuffer
from lmkit.storage.byte_lines import blocks
from lmkit.storage.byte_ranges import CorruptInput, Range
from lmkit.storage.compressed_members import first_member, next_member

LANGUAGE = re.compile(rb"<mediawiki[^>]*xml:lang=[\"']([A-Za-z0-9-]+)[\"']")
REVISION = re.compile(rb"<revision(?:\s[^>]*)?>\Z")
NUMBER = re.compile(rb"\s*<id>\s*(\d+)\s*</id>")
TIME = re.compile(rb"<timestamp>\s*(\d{4}-\d\d-\d\dT[\d:.]+)Z?\s*</timestamp>")
DELETED = re.compile(rb"<text\s[^>]*\bdeleted=")
REDIRECT = re.compile(r"\s*#[^\s\[\]*#:;]{2,40}[ \t]*:?\s*\[\[[^\[\]\n]+\]\]")
HEADER_BYTES = 1 << 20
BASE_URL = re.compile(rb"<base>(https?://[^<]+/)[^</]*</base>")


def read_wikipedia(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the articles of a slice."""
    try:
        dump = _header(part, request)
    except CorruptInput as damage:
        if source.start == 0:  # one task reports it
            yield unreadable(part, damage)
        return
    if dump.is_utf16:
        # Character boundaries are known only when reading from the start.
        if source.start == 0:
            found = _Blocks((0, data) for data in _as_utf8(part, source))
            yield from _articles(part, found, request, dump, part.size)
        return
    start: int | None = source.start
    if part.compression != "none":
        start = first_member(source, part.compression)
    while start is not None:
        source.seek(start)
        stream = blocks(source, part.compression, offset=start)
        found = _Blocks(stream, start if part.compression == "none" else None)
        yield from _articles(part, found, request, dump, source.stop)
        damage, start = found.damage, None
        if damage is not None and (damage.offset < source.stop or not source.stop):
            yield unreadable(part, damage)
            if part.compression != "none":
                start = next_member(source, part.compression, damage.offset + 1, source.stop)


class _Blocks:
    """A stream of blocks that records their start positions, and the error that ended it.

    A plain file, read from the offset `plain`, has no blocks, and locations are byte offsets.
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
            for offset, data in self._stream:
                if not self._begins or self._begins[-1][1] != offset:
                    self._begins.append((position, offset))
                position += len(data)
                yield data
        except CorruptInput as damage:
            self.damage = damage

    def location(self, position: int) -> tuple[int, int | None]:
        """Return the block of a position, and its index among the calls for it (in order)."""
        if self._plain is not None:
            return self._plain + position, None
        while len(self._begins) > 1 and self._begins[1][0] <= position:
            self._begins.popleft()
            self._number = 0
        self._number += 1
        return self._begins[0][1], self._number - 1


def _articles(
    part: Slice, stream: _Blocks, request: Request, dump: "_Dump", stop: int
) -> Iterator[Document | Unreadable]:
    """Yield the articles of the pages that begin before an offset."""
    pieces = ByteBuffer(iter(stream))
    for position, data in _pages(pieces, request):
        offset, record = stream.location(position)
        if offset >= stop:
            return
        if isinstance(data, CorruptInput) and data.reason.startswith("truncated") and stream.damage:
            return  # the caller reports it and finds the next block
        try:
            if isinstance(data, CorruptInput):
                raise data
            document = _article(part, parse(data, dump.encoding), dump, request, offset, record)
        except CorruptInput as damage:
            yield unreadable(part, CorruptInput(offset, damage.reason), record or 0)
            continue
        if document:
            yield document


def _pages(pieces: ByteBuffer, request: Request) -> Iterator[tuple[int, bytes | CorruptInput]]:
    """Yield all pages with their newest revisions, and their positions; errors for bad ones."""
    while pieces.skip_to(b"<page>"):
        position = pieces.position
        try:
            yield position, _page(pieces, request)
        except CorruptInput as damage:
            pieces.damage = None
            yield position, CorruptInput(position, damage.reason)


def _page(pieces: ByteBuffer, request: Request) -> bytes:
    """Return the next page without its older revisions. Raises `CorruptInput`."""
    newest = b""
    kept = [pieces.take(len(b"<page>"))]
    size = len(kept[0])
    while not kept[-1].endswith(b"</page>"):
        kept.append(_take(pieces, b">", request))
        if kept[-1].endswith(b"<page>"):
            pieces.unread(b"<page>")
            raise CorruptInput(0, "it has no end")
        begun = REVISION.search(kept[-1])
        if begun:
            kept[-1] = kept[-1][: begun.start()]
            revision = _take(pieces, b"</revision>", request)
            newest = revision if not newest or _is_newer(revision, newest) else newest
        size += len(kept[-1])
        if size + len(newest) > request.max_record:
            raise CorruptInput(0, request.too_long)
    if newest:
        kept.insert(1, b"<revision>" + newest)
    return b"".join(kept)


def _take(pieces: ByteBuffer, marker: bytes, request: Request) -> bytes:
    """Return the bytes up to the end of a marker in this page. Raises `CorruptInput`."""
    found = pieces.take_to(marker, request.max_record)
    if found is None and (pieces.damage or not pieces.has(request.max_record + 1)):
        reason = pieces.damage.reason if pieces.damage else "truncated: it has no end"
        raise CorruptInput(0, reason)
    if found is None:
        raise CorruptInput(0, request.too_long)
    again = found.find(b"<page>") if marker != b">" else -1
    if again >= 0:
        pieces.unread(found[again:])
        raise CorruptInput(0, "it has no end")
    return found


def _is_newer(revision: bytes, other: bytes) -> bool:
    """Return whether a revision is newer than an earlier one in the file."""
    deleted = [DELETED.search(one) is not None for one in (revision, other)]
    if deleted[0] != deleted[1]:
        return deleted[1]
    times, numbers = [], []
    for one in (revision, other):
        time = TIME.search(one.partition(b"<text")[0])
        number = NUMBER.match(one)
        times.append(time[1] if time else None)
        numbers.append(int(number[1]) if number else None)
    for new, old in (times, numbers):
        if new is not None and old is not None and new != old:
            return new > old
    return True


def _as_utf8(part: Slice, source: Range) -> Iterator[bytes]:
    return decoded(data for _, data in blocks(source, part.compression))[0]


@dataclass(frozen=True)
class _Dump:
    """What the header of a dump tells, and what of it becomes documents."""

    encoding: str
    is_utf16: bool
    site: Site
    namespaces: frozenset[int]


def _header(part: Slice, request: Request) -> _Dump:
    """Read the header of the dump. Raises `CorruptInput`."""
    with Range(part.path, 0, part.size) as source:
        first = b""
        for _, data in blocks(source, part.compression, 1 << 16):
            first += data
            if b"</siteinfo>" in first.replace(b"\0", b"") or len(first) > HEADER_BYTES:
                break
    stream, encoding = decoded(iter([first]))
    start = b"".join(stream)
    language, url = LANGUAGE.search(start), BASE_URL.search(start)
    info = start.partition(b"</siteinfo>")[0] if b"<siteinfo>" in start else b""
    site = Site(
        language[1].decode().lower() if language else "",
        url[1].decode() if url else "",
        namespace_names(info.decode(encoding, "replace")),
    )
    numbers, unknown = site.chosen(request.reading.namespaces)
    if unknown:
        names = ", ".join(f"{number} {name}".strip() for number, name in sorted(site.names.items()))
        raise LmkitError(
            f"--read.namespaces {','.join(unknown)}: {part.path} has no namespace of that name\n"
            f"give numbers, or names of the dump: {names or 'it lists none'}"
        )
    return _Dump(encoding, start != first, site, frozenset(numbers))


def _article(
    part: Slice,
    page: ElementTree.Element,
    dump: _Dump,
    request: Request,
    offset: int,
    record: int | None,
) -> Document | None:
    title = page.findtext("title") or ""
    if _namespace(page, title, dump.site) not in dump.namespaces:
        request.counts["skipped_namespaces"] += 1
        return None
    revision = page.find("revision")
    wikitext = (revision.findtext("text") if revision is not None else None) or ""
    model = (revision.findtext("model") if revision is not None else None) or "wikitext"
    reading = request.reading
    style = Page(dump.site, title, reading.wiki_tables, reading.math)
    if page.find("redirect") is not None or _is_redirect(wikitext, style):
        request.counts["skipped_redirects"] += 1
        return None
    metadata: dict[str, Any] = {
        "title": title,
        "language": dump.site.language,
        "date": revision.findtext("timestamp") if revision is not None else None,
        "url": dump.site.url + quote(title.replace(" ", "_")) if dump.site.url else None,
        "page": page.findtext("id"),
    }
    text = plain_wikitext(wikitext, style) if model.strip() == "wikitext" else wikitext
    return new_document(part, text, offset=offset, record=record, metadata=metadata)


def _namespace(page: ElementTree.Element, title: str, site: Site) -> int:
    """Return the namespace of a page: older dumps give it in the title only."""
    number = (page.findtext("ns") or "").strip()
    if re.fullmatch(r"-?[0-9]{1,9}", number):
        return int(number)
    prefix, colon, _ = title.partition(":")
    return site.numbers.get(normalized(prefix), ARTICLE) if colon else ARTICLE


def _is_redirect(wikitext: str, style: Page) -> bool:
    if wikitext.lstrip()[:9].upper() == "#REDIRECT":
        return True
    found = REDIRECT.match(wikitext)
    return found is not None and not plain_wikitext(wikitext[found.end() :], style)
