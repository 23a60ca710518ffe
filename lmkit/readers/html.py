"""HTML pages: a file is a document.

Choices:
- The metadata of a page (title, language, date, author, URL) become those of the document.
- Characters that couldn't be decoded are U+FFFD in the text, and counted as
  `replaced_characters`. A page of which most can't be decoded is quarantined.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from resiliparse.parse.html import HTMLTree

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.file_text import content
from lmkit.readers.provenance import refuse_binary
from lmkit.readers.reader import Request, first_values, new_document, unreadable
from lmkit.readers.web.fast_content import fast_content
from lmkit.readers.web.formulas import Formulas
from lmkit.readers.web.page_charset import decoded, is_utf16, page_html
from lmkit.readers.web.visible_text import all_content, hidden_content
from lmkit.storage.byte_ranges import CorruptInput, Range

__all__ = ["page_html", "page_text", "read_web_page"]

MAX_DEPTH = 5_000
"""Depth of nested elements. Browsers stop at 512; a deeper page is an attack."""
MAX_ATTRIBUTES = 2_000
START_TAG = re.compile(
    r"""<(script|style)\b[^>]*+>.*?(?:</\1|\Z)|<!--.*?(?:-->|\Z)"""
    r"""|<[A-Za-z](?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')|=)*+""",
    re.DOTALL | re.IGNORECASE,
)
"""A tag, a comment, or a script with its content."""
QUOTED = re.compile(r"""=\s*(?:"[^"]*+"|'[^']*+')""")
MAX_UNCLOSED = 1_000
"""Different elements of formatting without end tag: in every paragraph, parsers open them again."""
MAX_REOPENED = 2_000_000
SAME = 3
"""Of equal ones, parsers open so many again."""
FORMATTING = re.compile(
    r"<!--.*?(?:-->|\Z)|<(/?)((b|big|code|em|font|i|s|small|strike|strong|tt|u)(?=[\s/>])[^>]*)",
    re.DOTALL | re.IGNORECASE,
)
MAX_OPTIONS = 5_000
"""From this number on, the options of menus are one text: lexbor's time for them is quadratic."""
OPTION = re.compile(r"</?option\b[^>]{0,10000}>?", re.IGNORECASE)
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
LANGUAGE_META = {"content-language", "language", "dc.language", "dcterms.language", "og:locale"}
CONTROLS = re.compile(r"[\0-\x08\x0e-\x1f\x7f-\x9f]")
MAX_CONTROLS = 32
MAX_CONTROLS_FRACTION = 0.05
MAX_REPLACED_FRACTION = 0.3
"""Maximum fraction of a text's characters that couldn't be decoded."""
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8})*")


def read_web_page(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the one document of a file."""
    try:
        data = content(part, source, request)
        if not is_utf16(data):
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

    `charset` is what a server declared. Raises `CorruptInput` for a page built to break parsers,
    and for one that can't be decoded.
    """
    html, replaced = decoded(data, charset)
    if html.lower().count("<option") > MAX_OPTIONS:
        html = OPTION.sub("", html)
    if _has_too_many_attributes(html):
        raise CorruptInput(0, f"an element with more than {MAX_ATTRIBUTES:,} attributes")
    if _has_too_many_unclosed(html):
        raise CorruptInput(0, f"more than {MAX_UNCLOSED:,} unclosed elements of formatting")
    if _is_too_deep(html):
        raise CorruptInput(0, f"more than {MAX_DEPTH:,} elements inside one another")
    if len(CONTROLS.findall(html)) > max(MAX_CONTROLS, MAX_CONTROLS_FRACTION * len(html)):
        raise CorruptInput(0, "no page: binary data, or of an unknown character set")
    text, tree = _extracted(html, request)
    letters = sum(map(len, text.split()))
    if replaced and text.count("\ufffd") > MAX_REPLACED_FRACTION * letters:
        raise CorruptInput(0, "of an unknown character set: most characters can't be decoded")
    if replaced:
        request.counts["replaced_characters"] += replaced
    return text, _metadata(tree)


def _main_content(html: str, formulas: Formulas) -> tuple[str, HTMLTree]:
    from lmkit.readers.html_main_content import main_content  # trafilatura is slow to load

    return main_content(html, formulas)


def _extracted(html: str, request: Request) -> tuple[str, HTMLTree]:
    """Return what was asked for; if that is empty, the next larger extraction that isn't."""
    reading = request.reading
    ways = [_main_content, fast_content, all_content, hidden_content]
    start = ["main", "fast", "all"].index(reading.html)
    first: HTMLTree | None = None
    for way in ways[start:]:
        text, tree = way(html, reading.math)
        first = first or tree
        if text.strip():
            if way is not ways[start]:
                request.counts["html_fallbacks"] += 1
            return text, first
    assert first is not None
    return "", first


def _has_too_many_attributes(html: str) -> bool:
    """Return whether an element has too many attributes for the parsers, which are quadratic."""
    for found in START_TAG.finditer(html):
        if found.end() - found.start() > MAX_ATTRIBUTES:
            if found[0].startswith("<!--"):
                continue
            tag = found[0].partition(">")[0] if found[1] else QUOTED.sub("=x ", found[0])
            if max(tag.count("="), len(tag.split()), tag.count("/")) > MAX_ATTRIBUTES:
                return True
    return False


def _has_too_many_unclosed(html: str) -> bool:
    """Return whether so much formatting is never closed that the parsed page would be quadratic."""
    tags = html.count("<")
    if tags <= MAX_UNCLOSED:
        return False
    unclosed: dict[str, list[str]] = {}
    equal: Counter[str] = Counter()
    most = number = 0
    for found in FORMATTING.finditer(html):
        end, tag, name = found.groups()
        if not tag:
            continue
        number += 1
        opened = unclosed.setdefault(name.lower(), [])
        if not end and equal[tag] < SAME:
            opened.append(tag)
            equal[tag] += 1
            most = max(most, sum(map(len, unclosed.values())))
        elif end and opened:
            equal[opened.pop()] -= 1
    return most > MAX_UNCLOSED and most * (tags - number) > MAX_REOPENED


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
    pairs += [("language", language) for language in _languages(tree)]
    return {name: " ".join(value.split()) for name, value in first_values(pairs).items()}


def _languages(tree: Any) -> Iterator[str]:
    """Yield the languages that a page declares, the most reliable one first."""
    for selector in ("html", "body"):
        element = tree.document.query_selector(selector) if tree.document else None
        for name in ("lang", "xml:lang"):
            language = ((element.getattr(name) if element is not None else None) or "").strip()
            if LANGUAGE.fullmatch(language):
                yield language
    for meta in tree.document.query_selector_all("meta[content]")[:100] if tree.document else ():
        name = meta.getattr("http-equiv") or meta.getattr("name") or meta.getattr("property") or ""
        language = (meta.getattr("content") or "").strip()
        # A list of languages is that of the intended readers, not that of the text.
        if name.lower() in LANGUAGE_META and LANGUAGE.fullmatch(language):
            yield language
