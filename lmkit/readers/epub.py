"""EPUB: a book is a document (https://www.w3.org/TR/epub-33/).

Choices:
- Chapters are in the order of the book's spine; its navigation is not a chapter.
- An unreadable chapter is quarantined alone.
- The decompressed size of a book counts against `--max-record`: a zip of a few kilobytes may hold
  gigabytes. Only the two compression methods of the standard are accepted: Python's zipfile
  decompresses bzip2 and LZMA without a limit.
"""

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast
from urllib.parse import unquote
from xml.etree import ElementTree

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.html import page_html
from lmkit.readers.html_main_content import fragment_text
from lmkit.readers.reader import Request, new_document, unreadable
from lmkit.storage.byte_ranges import CorruptInput, Range

CONTAINER = "META-INF/container.xml"
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
PAGES = {"application/xhtml+xml", "text/html"}
FIELDS = {"title": "title", "creator": "author", "language": "language", "date": "date"}
BODY = re.compile(r"<body\b.*", re.DOTALL | re.IGNORECASE)


def read_epub(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the one document of a book, and its unreadable parts."""
    try:
        with zipfile.ZipFile(cast(BinaryIO, source)) as book:
            left = [request.max_record]
            root, folder = _package(book, left, request)
            texts: list[str] = []
            for number, name in enumerate(_chapters(root, folder)):
                try:
                    html = page_html(_member(book, name, left, request))
                    body = BODY.search(html)
                    texts.append(fragment_text(body[0] if body else html))
                except CorruptInput as damage:
                    if damage.reason == request.too_long:
                        raise
                    yield unreadable(part, CorruptInput(0, f"{name}: {damage.reason}"), number)
            yield new_document(part, "\n\n".join(filter(None, texts)), metadata=_metadata(root))
    except CorruptInput as damage:
        yield unreadable(part, damage)
    # zipfile raises NotImplementedError for archives of a later version than it supports.
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        yield unreadable(part, CorruptInput(0, f"not an EPUB: {error}"))


def _package(
    book: zipfile.ZipFile, left: list[int], request: Request
) -> tuple[ElementTree.Element, str]:
    """Return the book's package document, and the folder that its paths are relative to."""
    container = _xml(_member(book, CONTAINER, left, request))
    file = container.find(".//{*}rootfile")
    name = file.get("full-path") if file is not None else None
    if not name:
        raise CorruptInput(0, f"not an EPUB: no rootfile in {CONTAINER}")
    return _xml(_member(book, name, left, request)), posixpath.dirname(name)


def _chapters(root: ElementTree.Element, folder: str) -> Iterator[str]:
    items = {
        item.get("id"): posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
        for item in root.iterfind(".//{*}manifest/{*}item")
        if item.get("media-type") in PAGES and "nav" not in (item.get("properties") or "").split()
    }
    for reference in root.iterfind(".//{*}spine/{*}itemref"):
        if reference.get("idref") in items and reference.get("linear") != "no":
            yield items[reference.get("idref")]


def _metadata(root: ElementTree.Element) -> dict[str, Any]:
    space = "{http://purl.org/dc/elements/1.1/}"
    return {name: (root.findtext(f".//{space}{tag}") or "").strip() for tag, name in FIELDS.items()}


def _member(book: zipfile.ZipFile, name: str, left: list[int], request: Request) -> bytes:
    try:
        if book.getinfo(name).compress_type not in METHODS:
            raise CorruptInput(0, f"{name}: compressed by a method that EPUB doesn't have")
        with book.open(name) as file:
            data = file.read(left[0] + 1)
    except KeyError:
        raise CorruptInput(0, f"{name} is missing") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
        raise CorruptInput(0, f"damaged: {error}") from None
    left[0] -= len(data)
    if left[0] < 0:
        raise CorruptInput(0, request.too_long)
    return data


def _xml(data: bytes) -> ElementTree.Element:
    if b"<!ENTITY" in data.replace(b"\0", b""):  # in UTF-16 too
        raise CorruptInput(0, "it declares entities, as XML bombs do")
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise CorruptInput(0, f"not XML: {error}") from None
