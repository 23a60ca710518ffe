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
"""

import logging
import re
import unicodedata
from copy import copy
from functools import cache
from itertools import islice, pairwise, product
from typing import Any

from lxml.etree import iterwalk
from lxml.html import HTMLParser, document_fromstring, tostring
from resiliparse.parse.html import HTMLTree
from trafilatura.core import bare_extraction
from trafilatura.settings import Extractor

from lmkit.readers.web.formulas import Formulas
from lmkit.readers.web.visible_text import (
    all_content,
    fragment_text,
    prepare,
    rename,
    visible_text,
)

__all__ = ["all_content", "fragment_text", "main_content"]

BLOCK_NAMES = """
    address article aside blockquote body button caption center dd details dialog dir div dl dt
    fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html
    legend li listing main menu nav noframes noscript ol optgroup option p plaintext pre search
    section select summary table tbody td textarea tfoot th thead tr ul xmp
"""
BLOCKS = set(BLOCK_NAMES.split())
WITHOUT_TEXT = {"script", "style", "template", "noscript", "svg", "title", "iframe", "object"}
SECONDARY = {"time", "label", "button", "select", "sup", "sub", "a"}
"""What is often removed from a block that is kept: its text represents the block last."""
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
ITEMS = {"p", "li", "td", "th", "dd", "dt", "pre", "blockquote"} | HEADINGS
WHOLE = {"ul", "ol", "dl", "menu", "tr"}
"""Containers of which no item is left out between two kept ones; of rows none at all."""
LISTS = ("ul", "ol", "dl", "menu")
COLONS = (":", "\uff1a")
MAX_LINKED = 0.5
"""Maximum fraction of a list's text that is links."""
MAX_BETWEEN = 3
MAX_ROW = 500
"""Characters in a row of data. Rows used for page layout have more."""
FALLBACKS = ("noscript", "object", "audio", "video", "canvas")
"""Elements whose content is shown if a browser can't show something else."""
MAX_ELEMENTS = 50_000
MAX_DEPTH = 200
"""Depth of elements. libxml2 and trafilatura were not made for more."""
MAX_CHARACTERS = 10_000_000
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
"""Characters that libxml2 leaves out."""
PARSER = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)


class Block:
    """A run of inline text between the boundaries of block elements."""

    __slots__ = ("is_kept", "nodes", "parent", "representative")

    def __init__(self, parent: Any) -> None:
        self.parent = parent
        self.nodes: list[tuple[Any, bool]] = []
        """Elements with a text of the block, and whether it is their tail."""
        self.representative: tuple[float, int] = (-1.0, 0)
        self.is_kept = False

    @property
    def text(self) -> str:
        """Its text."""
        return "".join(element.tail if is_tail else element.text for element, is_tail in self.nodes)

    @property
    def is_leaf(self) -> bool:
        """Whether its element holds nothing else."""
        return all(
            child.tag not in BLOCKS for child in self.parent.iter() if child is not self.parent
        )

    @property
    def is_plain(self) -> bool:
        """Whether it has no class of its own, and isn't all links."""
        is_linked = all(element.tag == "a" and not is_tail for element, is_tail in self.nodes)
        return not self.parent.get("class") and not is_linked


def main_content(html: str, formulas: Formulas = "tex") -> tuple[str, HTMLTree]:
    """Return the text of a page's main content, empty if none is found, and the parsed page.

    >>> main_content("<p>the <a>sea</a>、<b>où</b>")[0]
    'the sea、où'
    """
    tree, _ = prepare(html, formulas)
    return _selected(tree), tree


def _selected(tree: HTMLTree) -> str:
    """Return the text of the blocks that trafilatura selects."""
    html = tree.document.html if tree.document is not None else ""
    if not html or len(html) > MAX_CHARACTERS or html.count("<") > 2 * MAX_ELEMENTS:
        return ""
    used = set(html)
    signs = (sign for sign in _signs() if sign not in used)
    controls = {ord(c): next(signs, "") for c in sorted(used) if CONTROLS.match(c)}
    if controls:
        html = html.translate(controls)
    root = document_fromstring(html.encode(), parser=PARSER)
    for element in root.iter("td", "th"):  # of which trafilatura makes thousands of cells
        for name in ("colspan", "rowspan"):
            element.attrib.pop(name, None)
    blocks = _blocks(root)
    codes = _codes(list(signs), len(blocks or ()))
    if blocks is None or len(codes) < len(blocks):
        return ""
    for code, block in zip(codes, blocks, strict=True):
        _mark(block, code)
    found = _extracted(root)
    if found is None:
        return ""
    present = set(re.findall(_pattern(codes), found)) if codes else set[str]()
    for code, block in zip(codes, blocks, strict=True):
        _mark(block, code, remove=True)
        block.is_kept = code in present
    if not present:
        return _plain(found)
    _fill(blocks)
    _prune(blocks)
    _unwrap_lists(root)
    for element in root.iter(*FALLBACKS):  # what is not kept of them is gone
        element.tag = "div"
    text = str(tostring(root, encoding="unicode"))
    rendered = HTMLTree.parse(text)
    rename(rendered, text)
    back = {ord(sign): chr(number) for number, sign in controls.items()}
    found = visible_text(rendered)
    return found.translate(back) if back else found


@cache
def _signs() -> list[str]:
    """Return printable characters that are no letters: trafilatura treats them as punctuation."""
    kinds = {"So", "Sm"}
    return [c for c in map(chr, range(0x2190, 0x20000)) if unicodedata.category(c) in kinds]


def _codes(signs: list[str], number: int) -> list[str]:
    """Return a different code for each block: a sign, or two if there are too few."""
    if number <= len(signs):
        return signs[:number]
    half = len(signs) // 2
    pairs = product(signs[:half], signs[half:])
    return ["".join(pair) for pair in islice(pairs, number)]


def _pattern(codes: list[str]) -> str:
    return "".join(f"[{''.join(sorted(set(each)))}]" for each in zip(*codes, strict=True))


def _blocks(root: Any) -> list[Block] | None:
    """Return the blocks of a page in order; None if it is too deep."""
    found: list[Block] = []
    parents: list[Any] = [root]
    current: Block | None = None
    depth = secondary = 0
    for event, element in iterwalk(root, events=("start", "end")):
        tag = element.tag
        is_block = tag in BLOCKS
        if is_block:
            current = None
        if event == "start":
            depth += 1
            if depth > MAX_DEPTH:
                return None
            if is_block:
                parents.append(element)
            secondary += tag in SECONDARY
            text, is_tail = element.text, False
            if tag in WITHOUT_TEXT:
                text = None
        else:
            depth -= 1
            if is_block:
                parents.pop()
            secondary -= tag in SECONDARY
            text, is_tail = element.tail, True
        if text and not text.isspace():
            if current is None:
                current = Block(parents[-1])
                found.append(current)
            weight = len(text) / (10 if secondary else 1)
            if weight > current.representative[0]:
                current.representative = weight, len(current.nodes)
            current.nodes.append((element, is_tail))
    return found


def _mark(block: Block, code: str, *, remove: bool = False) -> None:
    """Put a code before the longest text of a block, or remove it."""
    element, is_tail = block.nodes[block.representative[1]]
    text = element.tail if is_tail else element.text
    text = text.removeprefix(code) if remove else code + text
    if is_tail:
        element.tail = text
    else:
        element.text = text


@cache
def _options() -> Extractor:
    return Extractor(output_format="python", comments=False, with_metadata=False)


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


def _fill(blocks: list[Block]) -> None:
    """Keep what belongs to kept blocks: the rest of a list or row, headings, what is between."""
    groups: dict[Any, list[Block]] = {}
    for block in blocks:
        is_item = block.parent.tag in ITEMS or (block.parent.tag == "div" and block.is_leaf)
        parent = block.parent.getparent() if is_item else block.parent
        groups.setdefault(parent, []).append(block)
    for group, members in groups.items():
        kept = [number for number, block in enumerate(members) if block.is_kept]
        if kept and group is not None and group.tag in WHOLE:
            kept = [-1, *kept, len(members)]
        for first, last in pairwise(kept):
            between = members[first + 1 : last]
            is_whole = group is not None and group.tag in WHOLE
            if is_whole or (
                len(between) <= MAX_BETWEEN and all(block.is_plain for block in between)
            ):
                for block in between:
                    block.is_kept = True
    _fill_rows(blocks)
    _fill_lists(blocks)
    for block, following in pairwise(blocks):
        is_heading = block.parent.tag in HEADINGS and following.is_kept
        if is_heading and block.parent.getparent() is following.parent.getparent():
            block.is_kept = True


def _fill_rows(blocks: list[Block]) -> None:
    """Keep all that is in the cells of a row of which something is kept, lists too."""
    rows: dict[Any, list[Block]] = {}
    for block in blocks:
        row = next(block.parent.iterancestors("tr"), None)
        if row is not None:
            rows.setdefault(row, []).append(block)
    for row, members in rows.items():
        is_kept = any(block.is_kept for block in members)
        if is_kept and row.find(".//table") is None and len(row.text_content()) <= MAX_ROW:
            for block in members:
                block.is_kept = True


def _fill_lists(blocks: list[Block]) -> None:
    """Keep the lists next to kept blocks of the same element, but for lists of links."""
    parts: dict[Any, list[Block]] = {}
    for block in blocks:
        top = None
        for element in (block.parent, *block.parent.iterancestors(*LISTS)):
            if element.tag in LISTS:
                top = element
        if top is not None:
            parts.setdefault(top, []).append(block)
    numbers = {id(block): number for number, block in enumerate(blocks)}
    for element, members in parts.items():
        if _is_linked(element):
            continue
        if any(block.is_kept for block in members):
            for block in members:
                block.is_kept = True
            continue
        container = element.getparent()
        first, last = numbers[id(members[0])] - 1, numbers[id(members[-1])] + 1
        has_heading = first >= 0 and blocks[first].parent.tag in HEADINGS
        before = _within(blocks, first - has_heading, container)
        after = _within(blocks, last, container)
        is_announced = before is not None and (has_heading or before.text.rstrip().endswith(COLONS))
        if before is not None and before.is_kept and (is_announced or (after and after.is_kept)):
            for block in members:
                block.is_kept = True


def _within(blocks: list[Block], number: int, container: Any) -> Block | None:
    """Return a block if it is in an element, but not in one of its lists."""
    if not 0 <= number < len(blocks):
        return None
    block = blocks[number]
    is_inside = block.parent is container or container in block.parent.iterancestors()
    return block if is_inside else None


def _is_linked(element: Any) -> bool:
    linked = sum(len(link.text_content()) for link in element.iter("a"))
    return linked > MAX_LINKED * len(element.text_content())


def _unwrap_lists(root: Any) -> None:
    """Change lists of one item that holds blocks to plain blocks: they are layout."""
    for element in list(root.iter("ul", "ol")):
        items = [child for child in element if child.tag == "li" and _has_text(child)]
        if (
            len(items) == 1
            and next(items[0].iter("p", "div", "table", "h1", "h2"), None) is not None
        ):
            element.tag = items[0].tag = "div"


def _has_text(element: Any) -> bool:
    return any(not text.isspace() for text in element.itertext())


def _prune(blocks: list[Block]) -> None:
    for block in blocks:
        if not block.is_kept:
            for element, is_tail in block.nodes:
                if is_tail:
                    element.tail = None
                else:
                    element.text = None
