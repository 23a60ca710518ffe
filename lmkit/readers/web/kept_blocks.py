"""What belongs to kept blocks: the rest of a list or row, headings, what is between them."""

from itertools import pairwise
from typing import Any

from lmkit.readers.web.page_blocks import Block

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


def keep_more(root: Any, blocks: list[Block], outer: set[Any]) -> None:
    """Keep what belongs to kept blocks; `outer` are the elements with block elements in them."""
    groups: dict[Any, list[Block]] = {}
    for block in blocks:
        parent = block.parent
        if parent.tag in ITEMS or (parent.tag == "div" and parent not in outer):
            parent = parent.getparent()
        groups.setdefault(parent, []).append(block)
    for group, members in groups.items():
        kept = [number for number, block in enumerate(members) if block.is_kept]
        if not kept:
            continue
        is_whole = group is not None and group.tag in WHOLE
        if is_whole:
            kept = [-1, *kept, len(members)]
        for first, last in pairwise(kept):
            between = members[first + 1 : last]
            if is_whole or (
                len(between) <= MAX_BETWEEN and all(block.is_plain for block in between)
            ):
                for block in between:
                    block.is_kept = True
    if root.find(".//tr") is not None:
        _keep_rows(blocks)
    if next(root.iter(*LISTS), None) is not None:
        _keep_lists(blocks)
    for block, following in pairwise(blocks):
        is_heading = following.is_kept and block.parent.tag in HEADINGS
        if is_heading and block.parent.getparent() is following.parent.getparent():
            block.is_kept = True


def _keep_rows(blocks: list[Block]) -> None:
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


def _keep_lists(blocks: list[Block]) -> None:
    """Keep the lists next to kept blocks of the same element, but for lists of links."""
    parts: dict[Any, list[int]] = {}
    for number, block in enumerate(blocks):
        lists = list(block.parent.iterancestors(*LISTS))
        top = lists[-1] if lists else block.parent if block.parent.tag in LISTS else None
        if top is not None:
            parts.setdefault(top, []).append(number)
    for element, numbers in parts.items():
        members = [blocks[number] for number in numbers]
        if all(block.is_kept for block in members) or _is_linked(element):
            continue
        if any(block.is_kept for block in members):
            for block in members:
                block.is_kept = True
            continue
        container = element.getparent()
        first, last = numbers[0] - 1, numbers[-1] + 1
        has_heading = first >= 0 and blocks[first].parent.tag in HEADINGS
        before = _within(blocks, first - has_heading, container)
        if before is None or not before.is_kept:
            continue
        after = _within(blocks, last, container)
        is_announced = has_heading or before.text.rstrip().endswith(COLONS)
        if is_announced or (after and after.is_kept):
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
