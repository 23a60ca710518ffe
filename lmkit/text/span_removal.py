r"""Removes spans from a text, so that the remaining text is still well formed.

Choices:
- The text on both sides of a removed span is separated as it was before: by a blank line if there
  was one in between, else by a line feed, else by a space. So neither words nor paragraphs are
  merged.
- A line keeps its indentation.
- A text without spans to remove is unchanged, to the last space.
"""

import re
from collections.abc import Iterable

WHITE_SPACE = re.compile(r"\s+")
Span = tuple[int, int]


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order; spans that overlap or touch are merged.

    >>> joined([(5, 9), (0, 3), (3, 4)])
    [(0, 4), (5, 9)]
    """
    merged: list[Span] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], stop)
        elif start < stop:
            merged.append((start, stop))
    return merged


def cut(text: str, spans: Iterable[Span]) -> str:
    r"""Remove spans, which begin and end at word boundaries, from a text.

    >>> cut("one two\n\nthree four", [(4, 14)])
    'one\n\nfour'
    >>> cut("one two three", [(4, 7)])
    'one three'
    >>> cut("one\ntwo\nthree", [(4, 7)])
    'one\nthree'
    """
    merged = _joined_across_space(text, joined(spans))
    if not merged:
        return text
    pieces = [text[: merged[0][0]].rstrip()]
    left = len(pieces[0])
    for (_, stop), (after, _) in zip(merged, [*merged[1:], (len(text), 0)], strict=True):
        right = text[stop:after]
        begins = right.lstrip()
        leading = right[: len(right) - len(begins)]
        gap = text[left:stop] + leading
        indent = leading.rpartition("\n")[2] if "\n" in leading or text[stop - 1] == "\n" else ""
        if begins:
            pieces.append((_separator(gap) if pieces[-1] or len(pieces) > 1 else "") + indent)
            pieces.append(begins if after == len(text) else begins.rstrip())
        left = stop + len(right.rstrip())
    return "".join(pieces)


def _joined_across_space(text: str, spans: list[Span]) -> list[Span]:
    """Merge spans that have only white space between them."""
    merged: list[Span] = []
    for start, stop in spans:
        if merged and not text[merged[-1][1] : start].strip():
            merged[-1] = merged[-1][0], stop
        else:
            merged.append((start, stop))
    return merged


def _separator(gap: str) -> str:
    """Return the separator of the texts on both sides of a gap."""
    feeds = max((run.count("\n") for run in WHITE_SPACE.findall(gap)), default=-1)
    return "" if feeds < 0 else " " if not feeds else "\n" * min(feeds, 2)
