"""HTML pages: a file is a document.

Choices:
- The character set is what the server said, else what the page says, else what its bytes look
  like (uchardet). Bytes that don't fit become U+FFFD: browsers do so too, and pages are full of
  them.
- What a page says about itself (title, language, date, author, address) goes into the metadata.
"""

import re
from collections.abc import Iterator
from typing import Any

from resiliparse.parse.encoding import bytes_to_str, detect_encoding, map_encoding_to_html5
from resiliparse.parse.html import HTMLTree

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.errors import LmkitError
from lmkit.readers.file_text import content
from lmkit.readers.html_main_content import all_content, main_content
from lmkit.readers.provenance import refuse_binary
from lmkit.readers.reader import Request, new_document, notes_of_meta, unreadable
from lmkit.storage.byte_ranges import Damaged, Range

DEEPEST = 5_000
"""Elements inside one another. Browsers stop at 512; beyond this a page is an attack."""
MOST_TAGS = 20_000
"""From here on end tags are not believed."""
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
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8})*")


def read_web_page(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the one document of a file."""
    try:
        data = content(part, source, request)
        if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            refuse_binary(data[:4096])
        text, notes = page_text(data, request)
    except Damaged as damage:
        yield unreadable(part, damage)
        return
    yield new_document(part, text, notes=notes)


def page_text(
    data: bytes, request: Request, charset: str | None = None
) -> tuple[str, dict[str, Any]]:
    """Return a page's text, and what the page says about itself.

    `charset` is what a server said. Raises `Damaged` for a page that is made to break parsers.
    """
    html = page_html(data, charset)
    if _is_too_deep(html):
        raise Damaged(0, f"more than {DEEPEST:,} elements inside one another")
    how = request.reading.html
    if how == "trafilatura":
        text, tree = _by_trafilatura(html), HTMLTree.parse(html)
    else:
        text, tree = main_content(html) if how == "main" else all_content(html)
    return text, _notes(tree)


def page_html(data: bytes, charset: str | None = None) -> str:
    """Decode a page, as a browser would."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16")):
        if data.startswith(mark) or (encoding == "utf-16" and data.startswith(b"\xfe\xff")):
            return data.decode(encoding, "replace")
    encoding = map_encoding_to_html5(charset, fallback_utf8=False) if charset else None
    if encoding is None:
        encoding = detect_encoding(data, from_html_meta=True)
    return bytes_to_str(data, encoding or "utf-8", fallback_encodings=("utf-8",))


def _is_too_deep(html: str) -> bool:
    """Tell whether elements lie too deep inside one another for what follows, which is quadratic.

    Only a parser knows: many elements have no end tag, and end tags may end nothing.
    """
    tags = html.count("<")
    if tags <= DEEPEST or (tags <= MOST_TAGS and tags - html.count("</") <= DEEPEST):
        return False
    node: Any = HTMLTree.parse(html).document
    depth = 0
    while node is not None and depth <= DEEPEST:
        inside = node.first_child
        if inside is not None:
            node, depth = inside, depth + 1
            continue
        while node is not None and node.next is None:
            node, depth = node.parent, depth - 1
        node = node.next if node is not None else None
    return depth > DEEPEST


def _notes(tree: Any) -> dict[str, Any]:
    """Return what a page says about itself."""
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
    return {name: " ".join(value.split()) for name, value in notes_of_meta(pairs).items()}


def _by_trafilatura(html: str) -> str:
    try:
        import trafilatura  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise LmkitError(
            "--read.html trafilatura: trafilatura is not installed",
            "pip install 'lmkit[trafilatura]'",
        ) from None
    return trafilatura.extract(html) or ""
