r"""How a table is written: its delimiter, its quotes, and its escape; and its rows, strictly.

Choices:
- CSV as RFC 4180 has it: a quote opens a field at its start, is doubled inside, and closes it right
  before a delimiter. Anything else after it is an error, so that no text is changed by a guess.
- TSV as IANA registered it (text/tab-separated-values): no quoting, a quote is text.
- An escape makes a quote, a delimiter, a line end or itself literal; before anything else it is
  text: `C:\temp` stays.
- A backslash before a quote is found by reading the first rows both ways: the way with fewer bad
  rows is right, and the standard wins a tie.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

DELIMITERS = ",;|\t"
"""In the order of preference."""
EXCEL = re.compile(r'"?sep=([^"\r\n])"?\r?')
"""The line that spreadsheets take the delimiter from."""


@dataclass(frozen=True)
class Dialect:
    """How fields are separated, quoted and escaped."""

    delimiter: str = ","
    quoting: bool = True
    escape: str | None = None


class BadRow(Exception):  # noqa: N818 (it is a result more than an error)
    """A line is not a row, and why."""


class RowParser:
    r"""The fields of one row, fed line by line.

    >>> parser = RowParser(Dialect())
    >>> parser.feed('1,"two'), parser.feed('""lines"", in quotes",3')
    (False, True)
    >>> parser.fields
    ['1', 'two\n"lines", in quotes', '3']
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        special = '"' + (dialect.escape or "")
        self._special = re.compile(f"[{re.escape(special)}]")
        self._open: list[str] | None = None
        self.fields: list[str] = []

    def feed(self, line: str) -> bool:
        """Read a line; return whether the row ends with it. Raises `BadRow`."""
        dialect, position = self._dialect, 0
        end = len(line) - line.endswith("\r")
        if self._open is None and not dialect.escape and (not dialect.quoting or '"' not in line):
            self.fields = line[:end].split(dialect.delimiter)
            return True
        if self._open is not None:
            self._open.append("\n")
            position = self._quoted(line, 0)
            if position < 0:
                return False
            if self._is_last(line, position, end):
                return True
            position += 1
        while True:
            if dialect.quoting and line.startswith('"', position):
                self._open = []
                position = self._quoted(line, position + 1)
                if position < 0:
                    return False
            else:
                position = self._plain(line, position, end)
            if self._is_last(line, position, end):
                return True
            position += 1

    def _is_last(self, line: str, position: int, end: int) -> bool:
        if position < end and line[position] != self._dialect.delimiter:
            raise BadRow(f"text after the closing quote of column {len(self.fields)}")
        return position >= end

    def _quoted(self, line: str, position: int) -> int:
        """Read on in a quoted field; return the index after its closing quote, -1 if it is open."""
        pieces = self._open
        assert pieces is not None
        while found := self._special.search(line, position):
            index = found.start()
            following = line[index + 1 : index + 2]
            if found[0] == self._dialect.escape and (found[0] != '"'):
                if following in {"", "\r"}:  # a line end
                    pieces.append(line[position:index])
                elif following in {'"', self._dialect.escape, self._dialect.delimiter}:
                    pieces.append(line[position:index] + following)
                else:
                    pieces.append(line[position : index + 2])
                position = index + 1 + (following != "\r") * len(following)
            elif following == '"':
                pieces.append(line[position : index + 1])
                position = index + 2
            else:
                pieces.append(line[position:index])
                self.fields.append("".join(pieces))
                self._open = None
                return index + 1
        pieces.append(line[position:])
        return -1

    def _plain(self, line: str, position: int, end: int) -> int:
        """Read a field without quotes; return the index of the delimiter after it, or the end."""
        escape, delimiter = self._dialect.escape, self._dialect.delimiter
        pieces: list[str] = []
        while True:
            stop = line.find(delimiter, position, end)
            stop = end if stop < 0 else stop
            index = line.find(escape, position, stop) if escape else -1
            if index < 0 or index + 1 >= end:
                self.fields.append("".join([*pieces, line[position:stop]]))
                return stop
            literal = line[index + 1] in {escape, delimiter, '"'}
            pieces += [line[position : index + (not literal)], line[index + 1]]
            position = index + 2


def rows_of(lines: Iterable[str], dialect: Dialect) -> tuple[list[list[str]], int]:
    """Return the rows of some lines, and the number of lines where none can be read."""
    rows: list[list[str]] = []
    bad = 0
    parser = RowParser(dialect)
    for line in lines:
        try:
            if parser.feed(line):
                rows.append(parser.fields)
                parser = RowParser(dialect)
        except BadRow:
            bad, parser = bad + 1, RowParser(dialect)
    return rows, bad


def detected_delimiter(lines: Sequence[str], dialect: Dialect, column: str, *, header: bool) -> str:
    """Return the delimiter of a table that begins with these lines.

    With a header it is what separates `column` from the others, else what finds most columns there;
    without one it is what finds the same number of columns in most rows.
    """
    scores: dict[str, tuple[int, int]] = {}
    for delimiter in DELIMITERS:
        tried = replace(dialect, delimiter=delimiter)
        if header:
            names = next(iter(rows_of(lines[:1], tried)[0]), [])
            found = column in [name.strip() for name in names]
            scores[delimiter] = (found, len(names))
        else:
            widths = Counter(len(row) for row in rows_of(lines, tried)[0])
            width, rows = max(widths.items(), key=lambda item: item[1], default=(1, 0))
            scores[delimiter] = (rows if width > 1 else 0, width)
    return max(DELIMITERS, key=lambda delimiter: scores[delimiter])


def detected_escape(lines: Sequence[str], dialect: Dialect) -> str | None:
    """Return a backslash if rows are read better with it."""
    if not any('\\"' in line for line in lines):
        return None
    bad: list[int] = []
    for escape in (None, "\\"):
        rows, unread = rows_of(lines, replace(dialect, escape=escape))
        width = len(rows[0]) if rows else 0
        bad.append(unread + sum(len(row) != width for row in rows))
    return "\\" if bad[1] < bad[0] else None
