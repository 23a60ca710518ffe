"""The loss of a run as a curve of braille dots, for a terminal.

Choices:
- Memory is bounded whatever the number of steps: losses are kept as the lowest and the highest of
  equal intervals of steps, which double when there are too many of them.
- A column of dots reaches from the lowest to the highest loss of its steps: a mean would hide the
  noise, and a single step would hide the rest.
- The axis is logarithmic where all losses are positive: half as much is as far everywhere.
- The fall of the first steps would flatten all that follows. So the top is the highest loss after
  the first tenth of the steps; what is higher is drawn at the top.
- A cell has 2 x 4 dots (Unicode, block Braille Patterns).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

MAX_INTERVALS = 4_096
"""Intervals of steps that are kept; a terminal has some hundred columns of dots."""
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.int64)
"""The bit of each dot of a cell, by row and column."""
BLANK = 0x2800
"""The cell without dots."""
START = 0.1
"""Fraction of the steps whose losses may lie above the top."""
VALIDATION = "bold yellow"
LABEL = 8
"""Characters of the numbers left of the curve."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class _Scale:
    """From a loss to a row of dots; 0 is the top."""

    low: float
    high: float
    rows: int
    is_log: bool

    def rows_of(self, losses: Numbers) -> NDArray[np.int64]:
        """Return the row of each loss."""
        low, high = self._value(self.low), self._value(self.high)
        values = np.log(losses) if self.is_log else losses
        fraction = (high - values) / (high - low) if high > low else np.full(len(losses), 0.5)
        return np.clip(np.rint(fraction * (self.rows - 1)), 0, self.rows - 1).astype(np.int64)

    def loss_at(self, fraction: float) -> float:
        """Return the loss at a fraction of the height, from the top."""
        low, high = self._value(self.low), self._value(self.high)
        value = high + fraction * (low - high)
        return math.exp(value) if self.is_log else value

    def _value(self, loss: float) -> float:
        return math.log(loss) if self.is_log else loss


class LossCurve:
    """The losses of a run so far, and those on held-out text."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._last = 0
        self._width = 1
        self._low = np.full(MAX_INTERVALS, np.inf)
        self._high = np.full(MAX_INTERVALS, -np.inf)
        self._validation: list[tuple[int, float]] = []

    def add(self, step: int, loss: float, validation_loss: float | None = None) -> None:
        """Add the losses of a step; one that is not finite is left out."""
        if self._first is None:
            self._first = step
        self._last = step
        while step - self._first >= MAX_INTERVALS * self._width:
            self._halve()
        if math.isfinite(loss):
            index = (step - self._first) // self._width
            self._low[index] = min(self._low[index], loss)
            self._high[index] = max(self._high[index], loss)
        if validation_loss is not None and math.isfinite(validation_loss):
            self._validation.append((step, validation_loss))
            if len(self._validation) > MAX_INTERVALS:
                self._validation = self._validation[1::2]

    def _halve(self) -> None:
        rest = MAX_INTERVALS // 2
        self._low[:rest] = self._low.reshape(-1, 2).min(1)
        self._high[:rest] = self._high.reshape(-1, 2).max(1)
        self._low[rest:], self._high[rest:] = np.inf, -np.inf
        self._width *= 2

    def drawn(self, columns: int, rows: int) -> Text | None:
        """Return the curve in so many characters; None where there is nothing to draw yet.

        Left of it are losses, below it are steps; held-out losses have another color.
        """
        columns, rows = columns - LABEL - 1, rows - 1
        if self._first is None or columns <= len("".join(self._ends())) or rows < 2:
            return None
        low, high = self._columns(2 * columns)
        known = np.flatnonzero(np.isfinite(low))
        if len(known) < 2:
            return None
        scale = self._scale(low[known], high[known], known >= START * len(low), 4 * rows)
        cells = np.zeros((rows, columns), np.int64)
        drawn = np.arange(known[0], known[-1] + 1)
        tops = scale.rows_of(np.interp(drawn, known, high[known]))
        bottoms = scale.rows_of(np.interp(drawn, known, low[known]))
        # Neighbours touch: a column reaches to the row next to those of the one before.
        tops[1:], bottoms[1:] = (
            np.minimum(tops[1:], bottoms[:-1] + 1),
            np.maximum(bottoms[1:], tops[:-1] - 1),
        )
        for x, top, bottom in zip(drawn.tolist(), tops.tolist(), bottoms.tolist(), strict=True):
            for y in range(top, bottom + 1):
                cells[y // 4, x // 2] |= DOTS[y % 4, x % 2]
        colored: set[tuple[int, int]] = set()
        if self._validation:
            steps, losses = np.array(self._validation).T
            intervals = (steps.astype(np.int64) - self._first) // self._width
            xs, ys = self._column(intervals, 2 * columns), scale.rows_of(losses)
            for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
                cells[y // 4, x // 2] |= DOTS[y % 4, x % 2]
                colored.add((y // 4, x // 2))
        return self._text(cells, colored, scale)

    def _column(self, interval: NDArray[np.int64], columns: int) -> NDArray[np.int64]:
        """Return the column of dots of intervals of steps."""
        assert self._first is not None
        used = (self._last - self._first) // self._width + 1
        return np.minimum(interval * columns // used, columns - 1)

    def _columns(self, columns: int) -> tuple[Numbers, Numbers]:
        """Return the lowest and the highest loss in each column of dots; infinite without any."""
        assert self._first is not None
        used = (self._last - self._first) // self._width + 1
        low, high = np.full(columns, np.inf), np.full(columns, -np.inf)
        x = self._column(np.arange(used), columns)
        np.minimum.at(low, x, self._low[:used])
        np.maximum.at(high, x, self._high[:used])
        return low, high

    def _scale(self, low: Numbers, high: Numbers, is_later: NDArray[np.bool_], rows: int) -> _Scale:
        lowest, highest = float(low.min()), float(high[is_later].max(initial=high[-1]))
        for _, loss in self._validation:
            lowest = min(lowest, loss)
        return _Scale(lowest, max(highest, lowest), rows, is_log=lowest > 0)

    def _ends(self) -> tuple[str, str]:
        return f"{self._first:,}", f"step {self._last:,}"

    def _text(self, cells: NDArray[np.int64], colored: set[tuple[int, int]], scale: _Scale) -> Text:
        rows, columns = cells.shape
        text = Text(no_wrap=True)
        labelled = [0, rows // 2, rows - 1] if rows >= 7 else [0, rows - 1]
        losses = [scale.loss_at((row + 0.5) / rows) for row in labelled]
        labels = dict(zip(labelled, _distinct(losses), strict=True))
        for row in range(rows):
            text.append(f"{labels.get(row, ''):>{LABEL}} ", "dim")
            line = "".join(chr(BLANK + cell) if cell else " " for cell in cells[row].tolist())
            text.append(line, "cyan")
            for column in (x for y, x in colored if y == row):
                text.stylize(
                    VALIDATION, len(text) - columns + column, len(text) - columns + column + 1
                )
            text.append("\n")
        first, last = self._ends()
        text.append(" " * (LABEL + 1) + first + last.rjust(columns - len(first)), "dim")
        return text


def _distinct(losses: Sequence[float]) -> list[str]:
    """Format losses with as few digits as distinguish them, of those that fit.

    >>> _distinct([9.0161, 9.0149, 9.0142]), _distinct([8.0, 2.83, 1.0])
    (['9.016', '9.015', '9.014'], ['8', '2.83', '1'])
    """
    labels = [f"{loss:.3g}" for loss in losses]
    for digits in range(4, LABEL - 1):
        if len(set(labels)) == len(labels):
            break
        labels = [f"{loss:.{digits}g}" for loss in losses]
    return labels
