"""HTML pages: a file is a document.

Choices:
- The character set is the first of these that fits the bytes: the byte-order mark, UTF-8, what the
  server declared, what the page declares, what is detected (uchardet). Servers and pages often
  declare a character set that the bytes refute, and what is valid UTF-8 is almost never anything
  else.
- UTF-8 with some bad bytes is still UTF-8, and bytes that don't fit become U+FFFD, as in browsers:
  nothing is left out.
- Labels have the meaning that they have in browsers (https://encoding.spec.whatwg.org): latin1 is
  windows-1252, and gb2312 is all of GB 18030.
- The metadata of a page (title, language, date, author, URL) become those of the document.
"""

import codecs
import re
from collections.abc import Iterator
from typing import Any

from resiliparse.parse.encoding import EncodingDetector, map_encoding_to_html5
from resiliparse.parse.html import HTMLTree

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.errors import LmkitError
from lmkit.readers.file_text import content
from lmkit.readers.html_main_content import all_content, main_content
from lmkit.readers.provenance import refuse_binary
from lmkit.readers.reader import Request, first_values, new_document, unreadable
from lmkit.storage.byte_ranges import CorruptInput, Range

MAX_DEPTH = 5_000
"""Depth of nested elements. Browsers stop at 512; a deeper page is an attack."""
MAX_TAGS = 20_000
"""From this number on, end tags are not trusted."""
META = {
    "og:title": "title",
    "article:published_time": "date",
    "datepublished": "date",
    "date": "date",
    "dc.date": "date",
    "author": "author",
    "article:author": "author",
    "dc.creator": "author",
    "og:url": "url",
}
META_CHARSET = re.compile(rb"<meta\b[^>]{0,500}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
XML_CHARSET = re.compile(rb"\s*<\?xml\b[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]+)")
CHARSET_WITHIN = 16 << 10
"""Browsers read the first 1,024 bytes, but find a later declaration too when they parse."""
COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
WIDER = {
    "shift_jis": "cp932",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso2022_jp": "iso2022_jp_ext",
    "iso8859-11": "cp874",
}
"""Python's names for the supersets, with vendors' characters, that browsers use for these."""
OTHER_NAMES = {"cp949": "euc-kr", "koi8-r": "koi8-u"}
"""Browsers' names for encodings that uchardet detects; koi8-u has all letters of koi8-r."""
WINDOWS_VARIANTS = {
    "iso8859-2": "cp1250",
    "iso8859-6": "cp1256",
    "iso8859-7": "cp1253",
    "iso8859-8": "cp1255",
    "iso8859-13": "cp1257",
    "iso8859-15": "cp1252",
}
"""The real encoding if there are bytes that are control characters in the declared one."""
C1 = re.compile(rb"[\x80-\x9f]")
DETECTED_BYTES = 1 << 20
MAX_BAD_FRACTION = 0.05
"""Maximum fraction of bad characters in bytes that fit an encoding: pages have a few."""
MISDETECTED_WESTERN = {
    "cp1250",
    "cp1254",
    "cp1257",
    "cp1258",
    "iso8859-2",
    "iso8859-3",
    "iso8859-4",
} | {f"iso8859-{number}" for number in (10, 13, 14, 16)}
"""Encodings that uchardet returns for short pages in windows-1252."""
NOT_WESTERN = {
    "az",
    "bs",
    "cs",
    "cy",
    "eo",
    "et",
    "hr",
    "hu",
    "ku",
    "lt",
    "lv",
    "mt",
    "pl",
    "ro",
    "sk",
    "sl",
    "sq",
    "sr",
    "tk",
    "tr",
    "vi",
}
"""Languages in Latin script whose pages aren't in windows-1252."""
PAGE_LANGUAGE = re.compile(rb"<html\b[^>]{0,500}?\blang\s*=\s*[\"']?\s*([a-z]{2})", re.IGNORECASE)
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8})*")


def read_web_page(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the one document of a file."""
    try:
        data = content(part, source, request)
        if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            refuse_binary(data[:4096])
        text, metadata = page_text(data, request)
    except CorruptInput as damage:
        yield unreadable(part, damage)
        return
    yield new_document(part, text, metadata=metadata)


def page_text(
    data: bytes, request: Request, charset: str | None = None
) -> tuple[str, dict[str, Any]]:
    """Return a page's text, and its metadata.

    `charset` is what a server declared. Raises `CorruptInput` for a page built to break parsers.
    """
    html = page_html(data, charset)
    if _is_too_deep(html):
        raise CorruptInput(0, f"more than {MAX_DEPTH:,} elements inside one another")
    mode = request.reading.html
    if mode == "trafilatura":
        text, tree = _by_trafilatura(html), HTMLTree.parse(html)
    else:
        text, tree = main_content(html) if mode == "main" else all_content(html)
    return text, _metadata(tree)


def page_html(data: bytes, charset: str | None = None) -> str:
    """Decode a page. `charset` is what a server declared.

    >>> page_html("<p>früh".encode("latin-1"), "utf-8"), page_html("<p>früh".encode(), "latin1")
    ('<p>früh', '<p>früh')
    """
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16")):
        if data.startswith(mark) or (encoding == "utf-16" and data.startswith(b"\xfe\xff")):
            return data.decode(encoding, "replace")
    if b"\x1b" not in data and data.isascii():  # ISO-2022 encodes other characters in ASCII
        return data.decode("ascii")
    declared = _declared(data, charset)
    text, good, bad = _utf8(data)
    if _is_utf8(good, bad, declared[0] if declared else "utf-8"):
        return text
    for encoding in declared:
        found = (
            _decode_if_fitting(data, encoding)
            if encoding != "utf-8"
            else text
            if good > bad
            else None
        )
        if found is not None:
            return found
    if good > bad:
        return text
    found = _decode_if_fitting(data, _detected(data))
    return found if found is not None else data.decode([*declared, "utf-8"][0], "replace")


def _declared(data: bytes, charset: str | None) -> list[str]:
    """Return the encodings that a server and then the page declare, in Python's names."""
    start = data[:CHARSET_WITHIN]
    labels = [charset or ""]
    for pattern in (XML_CHARSET, META_CHARSET):
        found = pattern.match(start) if pattern is XML_CHARSET else _meta(start)
        if found:
            labels.append(found[1].decode("ascii", "replace"))
    encodings: list[str] = []
    for label in labels:
        encoding = map_encoding_to_html5(label.strip(" \t\"'"), fallback_utf8=False)
        if encoding and encoding.startswith("utf-16") and b"\0" not in data:
            encoding = "utf-8"  # as browsers do: what was readable so far isn't UTF-16
        if encoding:
            encodings.append(WIDER.get(encoding, encoding))
    return list(dict.fromkeys(encodings))


def _meta(start: bytes) -> re.Match[bytes] | None:
    found = META_CHARSET.search(start)
    if found and start.find(b"<!--", 0, found.start()) >= 0:
        found = META_CHARSET.search(COMMENT.sub(b"", start))
    return found


def _utf8(data: bytes) -> tuple[str, int, int]:
    """Decode bytes as UTF-8: return the text, and the numbers of its good and bad characters.

    If none is bad, continuation bytes are counted instead of good characters: that takes no time.
    """
    text, used = codecs.utf_8_decode(data, "replace", False)
    if "\ufffd" not in text:
        # A page that is truncated within its last character has no bad one.
        return text + "\ufffd" * (used < len(data)), used - len(text), 0
    bad = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")  # those that the author wrote
    return text + "\ufffd" * (used < len(data)), _non_ascii(text) - bad, bad


def _is_utf8(good: int, bad: int, declared: str) -> bool:
    """Return whether bytes are UTF-8, by the numbers of good and bad characters.

    Latin-1 and Cyrillic encodings produce almost no good characters by chance, so a few are proof;
    Chinese and Korean ones produce one in six, so a page of a few words may be valid UTF-8.
    """
    if declared != "utf-8" and _is_multibyte(declared):
        return not bad and good >= 3
    return good > bad or not bad


def _is_multibyte(encoding: str) -> bool:
    return encoding.startswith(("utf", "euc", "cp9", "gb", "big5", "iso2022"))


def _decode_if_fitting(data: bytes, encoding: str) -> str | None:
    """Return the bytes decoded with an encoding, None if they don't fit it."""
    text = data.decode(encoding, "replace")
    bad = text.count("\ufffd")
    return text if not bad or bad <= MAX_BAD_FRACTION * _non_ascii(text) else None


def _detected(data: bytes) -> str:
    """Return the detected encoding of bytes; the web's most frequent one if none is detected."""
    detector = EncodingDetector()
    detector.update(data[:DETECTED_BYTES])
    name = detector.encoding(html5_compatible=False) or ""
    encoding = map_encoding_to_html5(OTHER_NAMES.get(name, name), fallback_utf8=False)
    language = PAGE_LANGUAGE.search(data[:CHARSET_WITHIN])
    if (
        encoding in MISDETECTED_WESTERN
        and language
        and language[1].decode().lower() not in NOT_WESTERN
    ):
        encoding = None
    if encoding in WINDOWS_VARIANTS and C1.search(data):
        encoding = WINDOWS_VARIANTS[encoding]
    return WIDER.get(encoding or "", encoding or "cp1252")


def _non_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def _is_too_deep(html: str) -> bool:
    """Return whether elements are nested too deeply for the extraction, which is quadratic.

    Only a parser can tell: many elements have no end tag, and end tags may end nothing.
    """
    tags = html.count("<")
    if tags <= MAX_DEPTH or (tags <= MAX_TAGS and tags - html.count("</") <= MAX_DEPTH):
        return False
    node: Any = HTMLTree.parse(html).document
    depth = 0
    while node is not None and depth <= MAX_DEPTH:
        child = node.first_child
        if child is not None:
            node, depth = child, depth + 1
            continue
        while node is not None and node.next is None:
            node, depth = node.parent, depth - 1
        node = node.next if node is not None else None
    return depth > MAX_DEPTH


def _metadata(tree: Any) -> dict[str, Any]:
    """Return the metadata of a page."""
    pairs: list[tuple[str, str | None]] = []
    if tree.head is not None:
        for meta in tree.head.query_selector_all("meta[content]")[:100]:
            name = meta.getattr("property") or meta.getattr("name") or meta.getattr("itemprop")
            if name and name.lower() in META:
                pairs.append((META[name.lower()], meta.getattr("content")))
        link = tree.head.query_selector("link[rel=canonical]")
        if link is not None:
            pairs.append(("url", link.getattr("href")))
    pairs.append(("title", tree.title))
    root = tree.document.query_selector("html") if tree.document else None
    language = (root.getattr("lang") if root is not None else None) or ""
    if LANGUAGE.fullmatch(language.strip()):
        pairs.append(("language", language))
    return {name: " ".join(value.split()) for name, value in first_values(pairs).items()}


def _by_trafilatura(html: str) -> str:
    try:
        import trafilatura  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise LmkitError(
            "--read.html trafilatura: trafilatura is not installed",
            "pip install 'trafilatura>=2,<3' lxml_html_clean",
        ) from None
    return trafilatura.extract(html) or ""
