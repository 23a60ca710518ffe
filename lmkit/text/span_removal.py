r"""Cutting pieces out of a text, so that what stays still reads as text.

Choices:
- What stays on both sides of a cut is parted as it was before: by a blank line if there was one in
  between, else by a line feed, else by a space. So no words grow together, and no paragraphs.
- A line keeps its indentation.
- A text without cuts is left as it is, to the last space.
"""

import re
from collections.abc import Iterable

BLANK = re.compile(r"\s+")
Span = tuple[int, int]


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that overlap or touch as one.

    >>> joined([(5, 9), (0, 3), (3, 4)])
    [(0, 4), (5, 9)]
    """
    whole: list[Span] = []
    for start, stop in sorted(spans):
        if whole and start <= whole[-1][1]:
            whole[-1] = whole[-1][0], max(whole[-1][1], stop)
        elif start < stop:
            whole.append((start, stop))
    return whole


def cut(text: str, spans: Iterable[Span]) -> str:
    r"""Cut spans, which begin and end at borders of words, out of a text.

    >>> cut("one two\n\nthree four", [(4, 14)])
    'one\n\nfour'
    >>> cut("one two three", [(4, 7)])
    'one three'
    >>> cut("one\ntwo\nthree", [(4, 7)])
    'one\nthree'
    """
    merged = _over_blanks(text, joined(spans))
    if not merged:
        return text
    pieces = [text[: merged[0][0]].rstrip()]
    left = len(pieces[0])
    for (_, stop), (after, _) in zip(merged, [*merged[1:], (len(text), 0)], strict=True):
        right = text[stop:after]
        begins = right.lstrip()
        blank = right[: len(right) - len(begins)]
        gap = text[left:stop] + blank
        indent = blank.rpartition("\n")[2] if "\n" in blank or text[stop - 1] == "\n" else ""
        if begins:
            pieces.append((_parting(gap) if pieces[-1] or len(pieces) > 1 else "") + indent)
            pieces.append(begins if after == len(text) else begins.rstrip())
        left = stop + len(right.rstrip())
    return "".join(pieces)


def _over_blanks(text: str, spans: list[Span]) -> list[Span]:
    """Join spans that have only white space between them."""
    whole: list[Span] = []
    for start, stop in spans:
        if whole and not text[whole[-1][1] : start].strip():
            whole[-1] = whole[-1][0], stop
        else:
            whole.append((start, stop))
    return whole


def _parting(gap: str) -> str:
    """Return what parts the texts on both sides of a gap."""
    feeds = max((run.count("\n") for run in BLANK.findall(gap)), default=-1)
    return "" if feeds < 0 else " " if not feeds else "\n" * min(feeds, 2)
