"""The main content of an HTML page: what its author wrote, without the boilerplate of the site.

Choices:
- trafilatura (Barbaresi, ACL 2021) decides which blocks of a page are main content: on pages that
  nobody tuned to, it was the best of those compared. What it writes is not used: it drops repeated
  and short paragraphs, invisible and private characters, times, labels, lists in cells, and white
  space in code.
- So each block gets a sign, a character that the page doesn't hold, before its longest text. Blocks
  whose signs are in trafilatura's result are kept, and rendered as in all visible text.
- A block between two kept ones of the same list, row or article is kept too.
- trafilatura parses with libxml2, which is not a browser's parser. It gets the tree that lexbor
  makes of the page, as browsers do.
- Nothing is remembered from page to page: trafilatura's deduplication, language filter, metadata
  and comments are off.
- A page that is too large or deep for it is left to the fast extraction.
- Scripts and styles are emptied first, so that nothing copies them: they are most of many pages.
"""

import logging
import re
from copy import copy
from functools import cache
from typing import Any

from lxml.etree import ElementDefaultClassLookup, strip_attributes
from lxml.html import HtmlElement, HTMLParser, document_fromstring, tostring
from resiliparse.parse.html import HTMLTree
from trafilatura.core import bare_extraction
from trafilatura.settings import Extractor

from lmkit.readers.web.formulas import Formulas
from lmkit.readers.web.kept_blocks import LISTS, keep_more
from lmkit.readers.web.page_blocks import (
    BLOCKS,
    Block,
    block_codes,
    codes_in,
    page_blocks,
    unused_signs,
)
from lmkit.readers.web.visible_text import prepare, rename, visible_text

FALLBACKS = ("noscript", "object", "audio", "video", "canvas")
"""Elements whose content is shown if a browser can't show something else."""
WITHOUT_CONTENT = "script:not([type='application/ld+json']),style,svg"
"""Articles may be in JSON for search engines; trafilatura reads nothing else of scripts."""
MAX_ELEMENTS = 50_000
MAX_CHARACTERS = 10_000_000
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
"""Characters that libxml2 leaves out."""
PARSER = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
# One class for all elements: lxml would call a function for every element that is touched.
PARSER.set_element_class_lookup(ElementDefaultClassLookup(element=HtmlElement))


def main_content(html: str, formulas: Formulas = "tex") -> tuple[str, HTMLTree]:
    """Return the text of a page's main content, empty if none is found, and the parsed page.

    >>> main_content("<p>the <a>sea</a>、<b>où</b>")[0]
    'the sea、où'
    """
    tree, _ = prepare(html, formulas)
    return _selected(tree), tree


def _selected(tree: HTMLTree) -> str:
    """Return the text of the blocks that trafilatura selects."""
    if tree.document is None:
        return ""
    for element in tree.document.query_selector_all(WITHOUT_CONTENT)[:]:
        element.text = ""
    html = tree.document.html
    if not html or len(html) > MAX_CHARACTERS or html.count("<") > 2 * MAX_ELEMENTS:
        return ""
    used = set(html)
    signs = unused_signs(used)
    controls = dict(zip(sorted(filter(CONTROLS.match, used)), signs, strict=False))
    if controls:
        html = html.translate(str.maketrans(controls))
        signs = signs[len(controls) :]
    root = document_fromstring(html.encode(), parser=PARSER)
    strip_attributes(root, "colspan", "rowspan")  # of which trafilatura makes thousands of cells
    found = page_blocks(root)
    if found is None:
        return ""
    blocks, outer = found
    codes = block_codes(signs, len(blocks))
    if len(codes) < len(blocks):
        return ""
    for code, block in zip(codes, blocks, strict=True):
        block.mark(code)
    text = _extracted(root)
    if text is None:
        return ""
    present = codes_in(text, codes)
    if not present:
        return _plain(text)
    for code, block in zip(codes, blocks, strict=True):
        block.mark(code, remove=True)
        block.is_kept = code in present
    keep_more(root, blocks, outer)
    text = _rendered(root, blocks)
    return text.translate({ord(sign): c for c, sign in controls.items()}) if controls else text


@cache
def _options() -> Extractor:
    # Of the formats, this is the one for which a body is returned and nothing is written.
    return Extractor(output_format="xml", comments=False, formatting=False, with_metadata=False)


def _extracted(root: Any) -> str | None:
    """Return the text that trafilatura extracts; None if it fails."""
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    try:
        document = bare_extraction(root, options=copy(_options()))
    except Exception:  # it is not made for hostile pages: any failure is one of its result
        return None
    return "".join(document.body.itertext()) if document is not None else None  # type: ignore[union-attr]


def _plain(text: str) -> str:
    """Return text that stands in no element of the page: that of its JSON for search engines."""
    return "\n\n".join(line.strip() for line in text.splitlines() if line.strip())


def _rendered(root: Any, blocks: list[Block]) -> str:
    """Return the text of the kept blocks; the page is changed."""
    holding: set[Any] = set()
    for block in blocks:
        if not block.is_kept:
            block.clear()
            continue
        for element, is_tail in block.nodes:
            ancestor = element.getparent() if is_tail else element
            while ancestor is not None and ancestor not in holding:
                holding.add(ancestor)
                ancestor = ancestor.getparent()
    _unwrap_lists(root, holding)
    for element in holding:
        for child in element:
            if child not in holding and child.tag in BLOCKS:
                _empty(child, element)
    for element in list(root.iter(*FALLBACKS)):  # what is not kept of them is gone
        element.tag = "div"
    text = str(tostring(root, encoding="unicode"))
    rendered = HTMLTree.parse(text)
    rename(rendered, text)
    return visible_text(rendered)


def _empty(element: Any, parent: Any) -> None:
    """Remove what is in an element of which nothing is kept; the break that it makes stays."""
    del element[:]
    is_item = element.tag == "li" and parent.tag != "ol"  # of numbered ones, the number counts
    if is_item or element.tag in LISTS:
        element.tag = "div"


def _unwrap_lists(root: Any, holding: set[Any]) -> None:
    """Change lists of one item that holds blocks to plain blocks: they are layout."""
    for element in [each for each in root.iter("ul", "ol") if each in holding]:
        items = [child for child in element if child.tag == "li" and child in holding]
        if (
            len(items) == 1
            and next(items[0].iter("p", "div", "table", "h1", "h2"), None) is not None
        ):
            element.tag = items[0].tag = "div"
