"""The package of an EPUB: which files are its chapters, in which order, and which are encrypted.

Choices:
- Paths are relative to the package document (https://www.w3.org/TR/epub-33/#sec-package-doc).
- An item of another type than a page is replaced by its fallback, if the package names one.
- XML that declares entities is refused, except HTML's names, which old packages use undeclared.
"""

import html.entities
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

from lmkit.storage.byte_ranges import CorruptInput
from lmkit.text.canonical_form import canonical_form

PACKAGE_TYPE = "application/oebps-package+xml"
CONTENTS_TYPE = "application/x-dtbncx+xml"
PAGES = {"application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/x-dtbook+xml"}
FONT_OBFUSCATIONS = {
    "http://www.idpf.org/2008/embedding",
    "http://ns.adobe.com/pdf/enc#RC",
}
MAX_FALLBACKS = 10
XML_NAMES = {"lt", "gt", "amp", "quot", "apos"}
REFERENCE = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,30});")


@dataclass(frozen=True)
class Chapter:
    """An item of the spine: its file, if it has one, and its declared media type."""

    reference: str
    name: str | None
    media: str = ""


@dataclass(frozen=True)
class Chapters:
    """The chapters of a book."""

    found: list[Chapter]
    from_spine: bool
    contents: int
    """The number of tables of contents among them, which were left out."""


def member_name(name: str) -> str:
    r"""Return the form of a path by which members are found.

    >>> member_name("OEBPS\\Text/../One.XHTML"), member_name("/a//b")
    ('oebps/one.xhtml', 'a/b')
    """
    path = posixpath.normpath(name.replace("\\", "/")).lstrip("/")
    return canonical_form("NFC", path).casefold()


def parse_xml(data: bytes) -> ElementTree.Element:
    """Parse XML. Raises `CorruptInput`."""
    if b"<!ENTITY" in data.replace(b"\0", b""):  # in UTF-16 too
        raise CorruptInput(0, "it declares entities, as XML bombs do")
    try:
        return ElementTree.fromstring(REFERENCE.sub(_character, data))
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise CorruptInput(0, f"not XML: {error}") from None


def root_file(container: ElementTree.Element) -> str | None:
    """Return the path of the package document that a container names."""
    files = list(container.iterfind(".//{*}rootfile"))
    packages = [file for file in files if file.get("media-type") == PACKAGE_TYPE]
    for file in packages or files:
        if path := file.get("full-path"):
            return unquote(path)
    return None


def encrypted_files(root: ElementTree.Element) -> dict[str, str]:
    """Return the encrypted files, each with the end of its algorithm's name; not fonts."""
    found: dict[str, str] = {}
    for data in root.iterfind(".//{*}EncryptedData"):
        method = data.find("{*}EncryptionMethod")
        algorithm = method.get("Algorithm", "") if method is not None else ""
        if algorithm in FONT_OBFUSCATIONS:
            continue
        for reference in data.iterfind(".//{*}CipherReference"):
            name = re.split(r"[#/]", algorithm)[-1] or "unknown algorithm"
            found[member_name(unquote(reference.get("URI", "")))] = name[:80]
    return found


def chapters_of(root: ElementTree.Element, package: str) -> Chapters:
    """Return the chapters in the order of the spine; without one, of the manifest."""
    folder = posixpath.dirname(package)
    items: dict[str, ElementTree.Element] = {}
    for item in root.iterfind(".//{*}manifest/{*}item"):
        items.setdefault(item.get("id", ""), item)
    references = [
        reference.get("idref", "") for reference in root.iterfind(".//{*}spine/{*}itemref")
    ]
    from_spine = any(reference in items for reference in references)
    if not from_spine:
        references += [name for name, item in items.items() if _is_page(item)]
    found: dict[str, Chapter] = {}
    contents = 0
    for reference in references:
        if reference not in items:
            lost = Chapter(f"spine item {reference[:80]!r}", None)
            found.setdefault(f"#{reference}", lost)
            continue
        item = _with_fallback(items, items[reference])
        if _is_contents(item):
            contents += 1
            continue
        name = _path(folder, item.get("href", ""))
        media = item.get("media-type", "").partition(";")[0].strip().lower()
        found.setdefault(member_name(name), Chapter(reference, name, media))
    return Chapters(list(found.values()), from_spine, contents)


def _path(folder: str, href: str) -> str:
    """Return the path in the archive that an item's address leads to."""
    try:
        path = urlsplit(href.strip()).path
    except ValueError:
        path = href
    return posixpath.normpath(posixpath.join(folder, unquote(path))).lstrip("/")


def _with_fallback(
    items: dict[str, ElementTree.Element], item: ElementTree.Element
) -> ElementTree.Element:
    """Return the first page among an item and its fallbacks; the item itself if there is none."""
    for candidate in _fallbacks(items, item):
        if _is_page(candidate):
            return candidate
    return item


def _fallbacks(
    items: dict[str, ElementTree.Element], item: ElementTree.Element
) -> Iterator[ElementTree.Element]:
    for _ in range(MAX_FALLBACKS):
        yield item
        fallback = items.get(item.get("fallback", ""))
        if fallback is None:
            return
        item = fallback


def _is_page(item: ElementTree.Element) -> bool:
    return item.get("media-type", "").lower() in PAGES and not _is_contents(item)


def _is_contents(item: ElementTree.Element) -> bool:
    is_nav = "nav" in (item.get("properties") or "").split()
    return is_nav or item.get("media-type") == CONTENTS_TYPE


def _character(found: re.Match[bytes]) -> bytes:
    """Return a reference to an HTML entity as its number."""
    name = found[1].decode()
    character = html.entities.html5.get(f"{name};")
    if name in XML_NAMES or not character:
        return found[0]
    return "".join(f"&#{ord(part)};" for part in character).encode()
