"""The blocks of a page: runs of inline text between the boundaries of block elements."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import islice, product
from typing import Any

from lxml.etree import iterwalk

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
MAX_DEPTH = 200
"""Depth of elements. libxml2 and trafilatura were not made for more."""


class Block:
    """A run of inline text."""

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
    def is_plain(self) -> bool:
        """Whether it has no class of its own, and isn't all links."""
        is_linked = all(element.tag == "a" and not is_tail for element, is_tail in self.nodes)
        return not self.parent.get("class") and not is_linked

    def mark(self, code: str, *, remove: bool = False) -> None:
        """Put a code before the longest text, or remove it."""
        element, is_tail = self.nodes[self.representative[1]]
        text = element.tail if is_tail else element.text
        text = text.removeprefix(code) if remove else code + text
        if is_tail:
            element.tail = text
        else:
            element.text = text

    def clear(self) -> None:
        """Remove its text from the page."""
        for element, is_tail in self.nodes:
            if is_tail:
                element.tail = None
            else:
                element.text = None


def page_blocks(root: Any) -> tuple[list[Block], set[Any]] | None:
    """Return the blocks of a page in order, and the elements with block elements in them.

    None if the page is too deep.
    """
    found: list[Block] = []
    outer: set[Any] = set()
    parents: list[Any] = [root]
    current: Block | None = None
    depth = secondary = 0
    for event, element in iterwalk(root, events=("start", "end")):
        tag = element.tag
        if event == "start":
            depth += 1
            if depth > MAX_DEPTH:
                return None
            if tag in BLOCKS:
                current = None
                outer.add(parents[-1])
                parents.append(element)
            elif tag in SECONDARY:
                secondary += 1
            text, is_tail = element.text, False
            if tag in WITHOUT_TEXT:
                continue
        else:
            depth -= 1
            if tag in BLOCKS:
                current = None
                parents.pop()
            elif tag in SECONDARY:
                secondary -= 1
            text, is_tail = element.tail, True
        if text and not text.isspace():
            if current is None:
                current = Block(parents[-1])
                found.append(current)
            weight = len(text) / (10 if secondary else 1)
            if weight > current.representative[0]:
                current.representative = weight, len(current.nodes)
            current.nodes.append((element, is_tail))
    return found, outer


@cache
def all_signs() -> tuple[str, ...]:
    """Return printable characters that are no letters: trafilatura treats them as punctuation."""
    kinds = {"So", "Sm"}
    return tuple(c for c in map(chr, range(0x2190, 0x20000)) if unicodedata.category(c) in kinds)


@cache
def _sign_set() -> frozenset[str]:
    return frozenset(all_signs())


def unused_signs(used: set[str]) -> Sequence[str]:
    """Return the signs that aren't among the characters of a page."""
    if _sign_set().isdisjoint(used):
        return all_signs()
    return [sign for sign in all_signs() if sign not in used]


def block_codes(signs: Sequence[str], number: int) -> list[str]:
    """Return a different code for each block: a sign, or two if there are too few."""
    if number <= len(signs):
        return list(signs[:number])
    half = len(signs) // 2
    pairs = product(signs[:half], signs[half:])
    return ["".join(pair) for pair in islice(pairs, number)]


def codes_in(text: str, codes: list[str]) -> set[str]:
    """Return the codes that a text holds."""
    if not codes:
        return set()
    if len(codes[0]) == 1:
        return set(text).intersection(codes)
    pattern = "".join(f"[{''.join(sorted(set(each)))}]" for each in zip(*codes, strict=True))
    return set(re.findall(pattern, text)).intersection(codes)
