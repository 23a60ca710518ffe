"""Tables as text: a line for each row, with ` | ` between cells.

Choices:
- Attributes of tables, rows and cells are removed, and so are rows without text.
- A cell of several lines becomes one line: a row is a line.
- Borders are written as a mark until the page is done, so that those of an inner table don't divide
  the cells of the outer one.
"""

import re

from lmkit.readers.wiki.marks import BAR, CELL, GUARD, REMOVED, UNSEEN

# An attribute is name="value"; anything else before a bar is a cell's text.
# Possessive: else the letters of a name could be cut in two at any place, again and again.
ATTRIBUTES = re.compile(
    r"\s*+(?>[\w:-]++\s*+(?:=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'|]*+))?\s*+|[\x04\x05]\s*+)*+\Z"
)
BORDERS = re.compile(r"\|\||!!")
HTML_ROW = re.compile(r"<tr\b[^<>]*>\s*(?:<t[dh]\b[^<>]*>)?", re.IGNORECASE)
HTML_CELL = re.compile(r"(?:</t[dh]\s*>\s*)?<t[dh]\b[^<>]*>", re.IGNORECASE)


def table_text(inside: str) -> str:
    r"""Return the text of a table, given what is between `{|` and `|}`.

    >>> text = table_text(" class=x\n! a !! b\n|-\n| 1 || 2")
    >>> text.replace(CELL, " | ").replace(GUARD, "")
    '\na | b\n1 | 2\n'
    """
    rows: list[list[str]] = [[]]
    for line in inside.replace(BAR, "|").split("\n")[1:]:
        start = line.strip()
        if start.startswith("|-"):
            rows.append([])
        elif start.startswith("|+"):
            rows += [[_without_attributes(start[2:])], []]
        elif start.startswith("|"):
            rows[-1] += [_without_attributes(cell) for cell in start[1:].split("||")]
        elif start.startswith("!"):
            rows[-1] += [_without_attributes(cell) for cell in BORDERS.split(start[1:])]
        elif rows[-1]:
            rows[-1][-1] += f"\n{line}"
        elif start:
            rows[-1].append(start)
    texts = [[_one_line(cell) for cell in row] for row in rows]
    return "\n" + "".join(f"{GUARD}{CELL.join(row)}\n" for row in texts if any(row))


def html_table_text(text: str) -> str:
    """Return a page in which the tags of rows and cells are line breaks and borders."""
    return HTML_CELL.sub(CELL, HTML_ROW.sub("\n", text))


def _without_attributes(cell: str) -> str:
    before, bar, text = cell.partition("|")
    return (
        text if bar and ("=" in before or not before.strip()) and ATTRIBUTES.match(before) else cell
    )


def _one_line(cell: str) -> str:
    first, *others = (" ".join(line.split()) for line in cell.split("\n"))
    lines = [first, *(line.lstrip("*#:; ") for line in others)]
    return " ".join(line for line in lines if line.strip(REMOVED + UNSEEN)).strip()
