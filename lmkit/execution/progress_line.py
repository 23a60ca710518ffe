"""One line on a terminal that shows how far some work is, as wide as the terminal at most.

    cleaning  42%  ━━━━━━━───────  1,234,567 documents  1.2 of 2.9 GB  35.0 MB/s  0:48 left

Choice: where the terminal is narrow, the parts that matter least are left out, the documents per
second first. A line that is broken in two could not be erased.
"""

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from lmkit.execution.amounts import clock
from lmkit.execution.work import Work, WorkState

BAR_WIDTHS = 8, 40
GAP = 2
LEAST = 6
"""The rank of what is left out so that there is room for a bar."""
REFRESHES_PER_SECOND = 4
SHORTEST_SHOWN = 1
"""Seconds after which work is shown that nothing can be measured of."""


def live_line(work: Work) -> Live:
    """Return a context in which the terminal shows how far some work is."""
    return Live(
        _Line(work),
        console=Console(stderr=True),
        refresh_per_second=REFRESHES_PER_SECOND,
        transient=True,
    )


class _Line:
    """What is shown of some work at the moment."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        state = self._work.state()
        if not state.is_measured and state.seconds < SHORTEST_SHOWN:
            return
        # Some terminals begin a line after the last column.
        yield progress_line(state, options.max_width - 1, ascii_only=options.ascii_only)


def progress_line(state: WorkState, width: int, *, ascii_only: bool = False) -> Text:
    """Return how far some work is, in a line of `width` at most."""
    left = state.seconds_left
    bytes_rate, documents_rate = state.rates
    # Each part with its rank by importance: those that come last are left out first.
    parts = [
        (0, state.label),
        (1, f"{state.fraction:.0%}" if state.is_measured else ""),
        (4, state.documents_read),
        (3, state.amount),
        (5, bytes_rate),
        (LEAST, documents_rate),
        (2, f"{clock(left)} left" if left is not None else ""),
        (2, "" if state.is_measured else clock(state.seconds)),
    ]
    parts = [part for part in parts if part[1]]
    bar = GAP + BAR_WIDTHS[0] if state.is_measured else 0
    while len(parts) > 1 and _width(parts) + (bar if max(parts)[0] == LEAST else 0) > width:
        parts.remove(max(parts))
    label, *others = [text for _, text in parts]
    line = Text(no_wrap=True).append(set_cell_size(label, min(width, cell_len(label))), "bold")
    for number, text in enumerate(others):
        line.append(" " * GAP + text)
        if number == 0 and state.is_measured:
            _append_bar(line, state.fraction, width - _width(parts) - GAP, ascii_only)
    return line


def _width(parts: Sequence[tuple[int, str]]) -> int:
    return sum(cell_len(text) for _, text in parts) + GAP * (len(parts) - 1)


def _append_bar(line: Text, fraction: float, room: int, ascii_only: bool) -> None:
    """Add a bar, if there is room for one."""
    least, most = BAR_WIDTHS
    if room < least:
        return
    width = min(room, most)
    done = int(width * fraction)
    filled, rest = "#-" if ascii_only else "━─"
    line.append(" " * GAP).append(filled * done, "cyan").append(rest * (width - done), "dim")
