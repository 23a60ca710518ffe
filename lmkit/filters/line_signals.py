"""Signals of repeated lines and paragraphs.

Counted as by datatrove 0.10.1: an element that occurred before is a duplicate, the first one isn't;
paragraphs are separated by two or more line feeds of the stripped text, lines by one or more of the
full text, so that a line feed at the start or end adds an empty element.
"""

from collections.abc import Iterable
from typing import NamedTuple

from lmkit.filters.punctuation import TERMINAL

SHORT_LINE = 30
"""Maximum number of characters of a short line for FineWeb (Penedo et al. 2024, 3.6)."""


class LineNumbers(NamedTuple):
    """Gopher's lines and paragraphs; FineWeb's lines are those that aren't blank."""

    lines: int
    duplicate_lines: int
    duplicate_line_characters: int
    paragraphs: int
    duplicate_paragraphs: int
    duplicate_paragraph_characters: int
    line_feeds: int
    solid_lines: int
    ended_lines: int
    short_lines: int
    duplicate_solid_characters: int


def duplicates(elements: Iterable[str]) -> tuple[int, int]:
    """Count the elements that occurred before, and their characters.

    >>> duplicates(["ab", "c", "ab", "ab"])
    (2, 4)
    """
    earlier: set[str] = set()
    count = characters = 0
    for element in elements:
        if element in earlier:
            count += 1
            characters += len(element)
        else:
            earlier.add(element)
    return count, characters


def line_numbers(text: str) -> LineNumbers:
    r"""Compute the line signals of a text that isn't blank.

    >>> line_numbers("a.\na.\n").duplicate_lines
    1
    """
    lines = text.split("\n")
    full = [line for line in lines if line]
    edges = text.startswith("\n") + text.endswith("\n")
    unique = set(full)
    repeats = len(unique) < len(full)
    dup = dup_characters = dup_solid_characters = dup_paragraphs = dup_paragraph_characters = 0
    if repeats:
        dup, dup_characters = duplicates(full)
    dup += edges == 2  # two empty elements are equal
    paragraphs = 1
    # Equal paragraphs begin with equal lines, unless those differ in the white space stripped off.
    if repeats or text[0].isspace() or text[-1].isspace():
        parts = [bare for part in text.strip().split("\n\n") if (bare := part.lstrip("\n"))]
        paragraphs = len(parts)
        dup_paragraphs, dup_paragraph_characters = duplicates(parts)
    solid = [line for line in full if not line.isspace()]
    if repeats:
        dup_solid_characters = dup_characters if len(solid) == len(full) else duplicates(solid)[1]
    return LineNumbers(
        len(full) + edges,
        dup,
        dup_characters,
        paragraphs,
        dup_paragraphs,
        dup_paragraph_characters,
        len(lines) - 1,
        len(solid),
        sum(line[-1] in TERMINAL for line in solid),
        sum(len(line) <= SHORT_LINE for line in solid),
        dup_solid_characters,
    )
