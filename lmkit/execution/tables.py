"""Tables for people: panels on a terminal, plain lines in a pipe.

A section is a mapping of facts by name, or a list of such mappings. So what is shown and what a
script gets are the same data, once formatted with units and separators, once raw.

Choices:
- The content of documents is not trusted: a character that does more than print, such as the one
  that begins a terminal's escape sequences or changes the text direction, is shown as an escape.
- Nothing is truncated or wrapped in a pipe: `grep` finds a path however long it is.
- Records with a text are shown one below another, others as rows of a table; those too where the
  table doesn't fit the terminal (`column_widths.py`).
- Tokens with their ids are shown on a terminal as the text that they form, with alternating colors.
"""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any, cast

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from lmkit.execution.amounts import size
from lmkit.execution.column_widths import column_widths
from lmkit.execution.progress import beginning, log_message
from lmkit.execution.ranks import rank
from lmkit.execution.terminal_width import terminal_width

MAX_SOURCES = 10
LONG = 5_000
"""Characters of a value that nobody reads, such as an id of megabytes; longer than any path."""
AROUND_PANEL = 4
"""The columns that the border of a panel takes."""


def limited_rows(rows: Sequence[Mapping[str, Any]], max_rows: int) -> list[dict[str, Any]]:
    """Return the first rows, and one that sums the others; `more` is the number of the others.

    >>> limited_rows([{"source": name, "in": 2} for name in "abc"], 1)
    [{'source': 'a', 'in': 2}, {'source': 'and 2 more', 'in': 4, 'more': 2}]
    """
    first, rest = [dict(row) for row in rows[:max_rows]], rows[max_rows:]
    if not rest:
        return first
    more = sum(row.get("more", 1) for row in rest)
    added: dict[str, Any] = {}
    for name, value in rest[0].items():
        values: list[Any] = [row[name] for row in rest]
        if isinstance(value, Mapping):
            total: Counter[str] = Counter()
            for counts in values:
                total.update(counts)
            added[name] = dict(sorted(total.items()))
        elif isinstance(value, int):
            added[name] = sum(values)
        else:
            added[name] = "" if added else f"and {more:,} more"
    return [*first, added | {"more": more}]


Facts = Mapping[str, Any]
Section = Facts | Sequence[Facts]


def shown(sections: Mapping[str, Section]) -> str:
    """Format sections for standard output: a terminal or a pipe."""
    filled = _filled(sections)
    # Not rich's own check: with FORCE_COLOR, which CI sets, it always detects a terminal.
    return _panels(filled, terminal_width(sys.stdout)) if sys.stdout.isatty() else plain(filled)


def log_sections(sections: Mapping[str, Section]) -> None:
    """Print sections that are not the result; of several processes, only rank 0 prints."""
    filled = _filled(sections)
    if filled and sys.stderr.isatty() and rank() == 0:
        print(_panels(filled, terminal_width(sys.stderr)), file=sys.stderr, flush=True)
    elif filled:
        log_message(plain(filled))


def _filled(sections: Mapping[str, Section]) -> dict[str, Section]:
    return {title: section for title, section in sections.items() if section}


def plain(sections: Mapping[str, Section]) -> str:
    """Format sections as lines of text.

    >>> print(plain({"size": {"files": 2, "bytes": 1_200_000}}))
    size
      files  2
      bytes  1.2 MB
    """
    return "\n\n".join(
        "\n".join([_name(title), *(f"  {line}" for line in _lines(section))])
        for title, section in sections.items()
    )


def printable(text: str) -> str:
    r"""Replace characters that aren't printable with escapes; of a very long text, show its start.

    >>> printable("red \x1b[31m, two\nlines, half a pair \ud83d")
    'red \\x1b[31m, two\\nlines, half a pair \\ud83d'
    """
    if len(text) >= LONG:
        text = beginning(text)
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def _cell(name: str, value: object) -> str:
    """Return a value formatted for people."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return size(value) if name == "bytes" else f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        inner = cast(Mapping[str, Any], value)
        return ", ".join(f"{_name(key)} {_cell(key, item)}" for key, item in inner.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(printable(str(item)) for item in cast(Sequence[Any], value))
    return printable(str(value))


def _name(key: str) -> str:
    return printable(key.replace("_", " "))


def _have_text(section: Sequence[Facts]) -> bool:
    return any("text" in facts for facts in section)


def _columns(section: Sequence[Facts]) -> list[str]:
    return list(dict.fromkeys(name for facts in section for name in facts))


def _row(facts: Facts, columns: Sequence[str]) -> list[str]:
    """Return cells; missing values are empty."""
    return [_cell(name, facts[name]) if name in facts else "" for name in columns]


def _lines(section: Section) -> list[str]:
    if isinstance(section, Mapping):
        return _aligned([[_name(name), _cell(name, value)] for name, value in section.items()])
    if _have_text(section):
        blocks = [_lines(facts) for facts in section]
        return [line for block in blocks for line in ("", *block)][1:]
    columns = _columns(section)
    return _aligned([list(map(_name, columns)), *(_row(facts, columns) for facts in section)])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _panels(sections: Mapping[str, Section], width: int) -> str:
    file = StringIO()
    console = Console(file=file, force_terminal=True, width=width)
    for title, section in sections.items():
        if isinstance(section, Mapping):
            content = _fact_table(section)
        elif all(set(facts) == {"piece", "id"} for facts in section):
            content = _colored(section)
        elif _have_text(section):
            content = _one_below_another(section)
        else:
            content = _record_table(section, width - AROUND_PANEL)
        console.print(Panel(content, title=_name(title), title_align="left"))
    return file.getvalue().rstrip("\n")


def _fact_table(facts: Facts) -> "Table":
    table = Table(box=None, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        # Text is shown literally; in a plain string, rich would interpret [red].
        table.add_row(Text(_name(name)), Text(_cell(name, value)))
    return table


COLORS = ("on dark_blue", "on dark_green", "on purple4", "on dark_red")


def _colored(pieces: Sequence[Facts]) -> "Text":
    """Show tokens one after the other, each with its id; spaces and line breaks are visible."""
    text = Text(overflow="fold")
    for number, facts in enumerate(pieces):
        color = COLORS[number % len(COLORS)]
        text.append(printable(str(facts["piece"])).replace(" ", "·"), style=f"bold white {color}")
        text.append(f" {facts['id']} ", style=f"bright_black {color}")
    return text


def _one_below_another(section: Sequence[Facts]) -> Group:
    tables = [_fact_table(facts) for facts in section]
    return Group(*(part for table in tables for part in ("", table)))


def _record_table(section: Sequence[Facts], room: int) -> Table | Group:
    columns = _columns(section)
    rows = [_row(facts, columns) for facts in section]
    numbers = [
        all(isinstance(facts.get(name, 0), int | float) for facts in section) for name in columns
    ]
    widths = column_widths(list(map(_name, columns)), rows, numbers, room)
    if widths is None:
        return _one_below_another(section)
    table = Table(box=None)
    for name, is_number, width in zip(columns, numbers, widths, strict=True):
        justify = "right" if is_number else "left"
        table.add_column(Text(_name(name)), justify=justify, overflow="fold", width=width)
    for row in rows:
        table.add_row(*map(Text, row))
    return table
