"""EPUB: a book is a document (https://www.w3.org/TR/epub-33/).

Choices:
- Chapters are in the order of the book's spine, each once, also those that aren't part of the
  linear order, such as notes; the table of contents is not a chapter. A book without a spine is
  read in the order of its manifest, and counted.
- What a chapter is, its content tells, not its media type. Each one that can't be read is
  quarantined alone: it is missing, encrypted (META-INF/encryption.xml), or no text. Obfuscated
  fonts are no obstacle.
- What Project Gutenberg adds to a book is left out, as from plain text.
- Names are found as reading systems find them, also if their case or their escapes are wrong.
- The decompressed size of a book counts against `--max-record`: a zip of a few kilobytes may hold
  gigabytes. Only the two compression methods of the standard are accepted: Python's zipfile
  decompresses bzip2 and LZMA without a limit.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast
from xml.etree import ElementTree

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.epub_package import (
    Chapter,
    chapters_of,
    encrypted_files,
    member_name,
    parse_xml,
    root_file,
)
from lmkit.readers.file_text import encoding_of
from lmkit.readers.provenance import refuse_binary
from lmkit.readers.reader import Request, new_document, unreadable
from lmkit.readers.web.page_charset import decoded
from lmkit.readers.web.visible_text import fragment_text
from lmkit.storage.byte_ranges import CorruptInput, Range
from lmkit.text.gutenberg import without_gutenberg

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
NOT_TEXT = {"image": "images", "audio": "audio", "video": "video", "font": "fonts"}
FIELDS = {"title": "title", "creator": "author", "language": "language", "date": "date"}
BODY = re.compile(r"<body\b.*", re.DOTALL | re.IGNORECASE)
TAG = re.compile(r"<[A-Za-z/!?]")
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
MAX_CONTROL_FRACTION = 0.02
"""Ciphertext has 10% of control characters, text almost none."""
DECLARED = re.compile(r"<!ENTITY\s+([\w.-]+)\s+(?:\"([^\"]*)\"|'([^']*)')\s*>")


class _Book:
    """The members of an archive, and how many bytes may still be decompressed."""

    def __init__(self, archive: zipfile.ZipFile, request: Request) -> None:
        self._archive = archive
        self._request = request
        self._left = request.max_record
        self.names: dict[str, str] = {}
        for name in archive.namelist():
            self.names.setdefault(member_name(name), name)
        self.encrypted: dict[str, str] = {}

    def has(self, name: str) -> bool:
        return member_name(name) in self.names

    def read(self, name: str) -> bytes:
        """Return a member. Raises `CorruptInput` if it is missing, encrypted or damaged."""
        stored = self.names.get(member_name(name))
        if stored is None:
            raise CorruptInput(0, f"{name}: missing")
        if algorithm := self.encrypted.get(member_name(name)):
            raise CorruptInput(0, f"{name}: encrypted ({algorithm})")
        if self._archive.getinfo(stored).compress_type not in METHODS:
            raise CorruptInput(0, f"{name}: compressed by a method that EPUB doesn't have")
        try:
            with self._archive.open(stored) as file:
                data = file.read(self._left + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
            raise CorruptInput(0, f"{name}: damaged: {error}") from None
        self._left -= len(data)
        if self._left < 0:
            raise CorruptInput(0, self._request.too_long)
        return data


def read_epub(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the one document of a book, and its unreadable parts."""
    try:
        with zipfile.ZipFile(cast(BinaryIO, source)) as archive:
            yield from _read(part, _Book(archive, request), request)
    except CorruptInput as damage:
        yield unreadable(part, damage)
    # zipfile raises NotImplementedError for archives of a later version than it supports.
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        yield unreadable(part, CorruptInput(0, f"not an EPUB: {error}"))


def _read(part: Slice, book: _Book, request: Request) -> Iterator[Document | Unreadable]:
    lost = 0
    if book.has(ENCRYPTION):
        try:
            book.encrypted = encrypted_files(parse_xml(book.read(ENCRYPTION)))
        except CorruptInput as damage:
            yield unreadable(part, CorruptInput(0, f"{ENCRYPTION}: {damage.reason}"))
    package = _package_name(book)
    root = parse_xml(book.read(package))
    chapters = chapters_of(root, package)
    if not chapters.from_spine:
        request.counts["books_without_a_spine"] += 1
    if chapters.contents:
        request.counts["skipped_tables_of_contents"] += chapters.contents
    texts: list[str] = []
    for number, chapter in enumerate(chapters.found):
        try:
            text = _chapter_text(book, chapter, request)
        except CorruptInput as damage:
            if damage.reason == request.too_long:
                raise
            lost += 1
            yield unreadable(part, damage, number)
            continue
        if text is None:
            what = NOT_TEXT[chapter.media.partition("/")[0]]
            request.counts[f"skipped_{what}"] += 1
        else:
            texts.append(text)
    if texts or not lost:
        if not chapters.found:
            raise CorruptInput(0, "no chapters: neither the spine nor the manifest names any")
        text, fields = "\n\n".join(filter(None, texts)), dict[str, Any]()
        if request.reading.gutenberg:
            text, fields = without_gutenberg(text)
        yield new_document(part, text, metadata=fields | _metadata(root))


def _package_name(book: _Book) -> str:
    """Return the name of the package document: the container tells it, or there is only one."""
    try:
        name = root_file(parse_xml(book.read(CONTAINER)))
        if name and book.has(name):
            return name
        damage = CorruptInput(0, f"not an EPUB: no rootfile in {CONTAINER}")
    except CorruptInput as error:
        damage = error
    packages = [stored for stored in book.names.values() if stored.lower().endswith(".opf")]
    if len(packages) != 1:
        raise damage
    return packages[0]


def _chapter_text(book: _Book, chapter: Chapter, request: Request) -> str | None:
    """Return the text of a chapter, None for a picture. Raises `CorruptInput`."""
    if chapter.name is None:
        raise CorruptInput(0, f"{chapter.reference}: not in the manifest")
    data = book.read(chapter.name)
    if chapter.media.partition("/")[0] in NOT_TEXT:
        return None
    try:
        html, replaced = _decoded(data)
    except CorruptInput as damage:
        raise CorruptInput(damage.offset, f"{chapter.name}: {damage.reason}") from None
    if replaced:
        request.counts["replaced_characters"] += replaced
    if not TAG.search(html):
        return html.strip()
    body = BODY.search(html)
    return fragment_text(_with_entities(html, body[0] if body else html), request.reading.math)


def _decoded(data: bytes) -> tuple[str, int]:
    """Return the markup of a chapter, and how many characters became U+FFFD.

    Raises `CorruptInput` if it is no text.
    """
    # XML 1.0, appendix F: without a byte-order mark the first tag tells.
    encoding = {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}.get(data[:2]) or encoding_of(data)
    if encoding.startswith(("utf-16", "utf-32")):
        try:
            return data.decode(encoding), 0
        except UnicodeDecodeError:
            text = data.decode(encoding, "replace")
            return text, text.count("\ufffd")
    start = data[:4096]
    refuse_binary(start)
    if len(CONTROL.findall(start)) > MAX_CONTROL_FRACTION * len(start):
        raise CorruptInput(0, "binary or encrypted data")
    return decoded(data)


def _with_entities(html: str, body: str) -> str:
    """Replace the entities that a chapter declares; what they stand for isn't searched for more."""
    values = {found[1]: found[2] or found[3] or "" for found in DECLARED.finditer(html[:65_536])}
    if not values or len(values) * max(map(len, values.values())) > 65_536:
        return body
    names = re.compile(f"&({'|'.join(map(re.escape, values))});")
    room = max(65_536, len(body))

    def value(found: re.Match[str]) -> str:
        nonlocal room
        room -= len(values[found[1]])
        return values[found[1]] if room >= 0 else found[0]

    return names.sub(value, body)


def _metadata(root: ElementTree.Element) -> dict[str, Any]:
    found: dict[str, str] = {}
    for element in root.iterfind(".//{*}metadata//*"):
        space, _, tag = str(element.tag).rpartition("}")
        name = FIELDS.get(tag.lower())
        if name and "purl.org/dc/elements" in space.lower() and (element.text or "").strip():
            found.setdefault(name, (element.text or "").strip())
    return found
