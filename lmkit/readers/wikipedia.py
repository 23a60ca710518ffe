"""Wikipedia's XML dumps: an article is a document.

Choices:
- Redirects and pages of other namespaces (talk, users, templates, categories) are no articles,
  and are passed over without being counted.
- A task reads the bzip2 streams that begin in its slice: a multistream dump has one for each
  hundred pages, and a dump that is one stream is read by the task that it begins in.
- Where a page lies: the byte offset of the page in a plain file; else that of its stream, and
  its number there.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from lmkit.artifacts.documents import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.artifacts.streams import Damaged, Range, blocks
from lmkit.readers.markup import decoded, elements, parse
from lmkit.readers.members import BZIP2, members
from lmkit.readers.pieces import Pieces
from lmkit.readers.request import Request, new_document, unreadable
from lmkit.readers.wikitext import plain_wikitext

LANGUAGE = re.compile(rb"<mediawiki[^>]*xml:lang=\"([a-z-]+)\"")
ADDRESS = re.compile(rb"<base>(https?://[^<]+/)[^</]*</base>")
PAGES = re.compile(rb"\s*<(?:page|mediawiki|\?xml|/mediawiki)")


def read_wikipedia(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the articles of a slice."""
    try:
        site = _site(part)
    except Damaged as damage:
        yield unreadable(part, damage)
        return
    if part.compression == "bzip2":
        for offset, pieces in members(part.path, source.start, source.stop, PAGES, magic=BZIP2):
            yield from _articles(part, pieces, request, site, offset)
        return
    yield from _articles(
        part, (data for _, data in blocks(source, part.compression)), request, site, None
    )


def _articles(
    part: Slice, stream: Iterator[bytes], request: Request, site: dict[str, str], block: int | None
) -> Iterator[Document | Unreadable]:
    pieces = Pieces(_narrow(stream, site))
    found = elements(pieces, b"<page>", b"</page>", request.max_record, request.too_long)
    for number, (place, data) in enumerate(found):
        offset = place if block is None else block
        record = None if part.compression == "none" else number
        try:
            if isinstance(data, Damaged):
                raise data
            document = _article(part, parse(data, site["encoding"]), site, offset, record)
        except Damaged as damage:
            yield unreadable(part, Damaged(offset, damage.reason), number)
            continue
        if document:
            yield document
    if pieces.damage:
        yield unreadable(part, Damaged(block or pieces.position, pieces.damage.reason))


def _narrow(stream: Iterator[bytes], site: dict[str, str]) -> Iterator[bytes]:
    return decoded(stream)[0] if site["wide"] else stream


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
