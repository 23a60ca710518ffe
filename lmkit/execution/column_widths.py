"""The widths of a table's columns where the table is wider than the terminal.

Choices:
- The widest column is folded first. A text takes three lines at most, and is never folded below a
  width at which it can be read; a number is never folded, only the words above it are.
- Where that isn't enough there are no widths: records are then shown one below another, as those
  of a single column are anyhow.
"""

from collections.abc import Sequence

from rich.cells import cell_len

FOLDED_LINES = 3
"""The lines into which a text is folded at most."""
FOLDED_WIDTH = 20
"""The width below which no text is folded."""
AROUND_CELL = 2
"""The space around a cell."""


def column_widths(
    names: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[bool], room: int
) -> list[int] | None:
    """Return the widths of columns that fit into `room`; None if they can't.

    >>> rows = [["a long text in a cell", "1,234"], ["b", "5"]]
    >>> column_widths(["text", "bytes per token"], rows, [False, True], 40)
    [21, 15]
    >>> column_widths(["text", "bytes per token"], rows, [False, True], 30)
    [20, 6]
    >>> column_widths(["text", "bytes per token"], rows, [False, True], 20)
    """
    widths: list[int] = []
    least: list[int] = []
    for name, cells, is_number in zip(names, zip(*rows, strict=True), numbers, strict=True):
        natural, word = max(map(cell_len, cells)), max(map(cell_len, name.split(" ")))
        widths.append(max(natural, cell_len(name)))
        folded_width = natural if is_number else max(FOLDED_WIDTH, -(-natural // FOLDED_LINES))
        least.append(min(widths[-1], max(word, folded_width)))
    if len(widths) == 1:  # one below another they already are
        return [min(widths[0], max(1, room - AROUND_CELL))]
    excess = sum(widths) + AROUND_CELL * len(widths) - room
    while excess > 0:
        foldable = [number for number, width in enumerate(widths) if width > least[number]]
        if not foldable:
            return None
        widths[max(foldable, key=widths.__getitem__)] -= 1
        excess -= 1
    return widths
