"""The width of a terminal, and lines of text that fit it.

Choice: the terminal itself would break a line anywhere, in a number too.
"""

import os
import sys
from contextlib import suppress
from typing import TextIO

from rich.cells import cell_len


def terminal_width(terminal: TextIO) -> int:
    """Return the width of a terminal; COLUMNS overrides it."""
    with suppress(KeyError, ValueError):
        return int(os.environ["COLUMNS"])
    with suppress(OSError, ValueError):
        return os.get_terminal_size(terminal.fileno()).columns or 80
    return 80


def folded(text: str) -> str:
    """Break lines that are wider than the terminal between words; in a pipe, change nothing."""
    if not sys.stdout.isatty():
        return text
    width = terminal_width(sys.stdout)
    return "\n".join(part for line in text.split("\n") for part in _folded_line(line, width))


def _folded_line(line: str, width: int) -> list[str]:
    if cell_len(line) <= width or "\x1b" in line:  # what has colors has been made to fit
        return [line]
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    first, *words = line.strip().split(" ")
    parts = [indent[2:] + first]
    for word in words:
        if cell_len(parts[-1]) + 1 + cell_len(word) <= width:
            parts[-1] += " " + word
        else:
            parts.append(indent + word)
    return parts
