"""A plot of curves as a still picture: what is printed, and shown where no script runs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmkit.reporting.axis_ticks import linear_ticks, log_ticks, tick_text
from lmkit.reporting.escaped_html import Html
from lmkit.reporting.svg_shapes import picture, shape, text_at
from lmkit.reporting.thinning import thinned

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 14, 10, 26
STILL_POINTS = 240

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A curve to draw."""

    x: Numbers
    y: Numbers
    class_: str


@dataclass(frozen=True)
class Scale:
    """From numbers to pixels."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def at(self, values: Numbers) -> Numbers:
        """Return the pixels of values."""
        low, high, shown = self.low, self.high, values
        if self.is_log:
            low, high = math.log10(low), math.log10(high)
            shown = np.log10(np.where(values > 0, values, np.nan))
        return self.start + (shown - low) / (high - low) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """Where its ticks are."""
        return (log_ticks if self.is_log else linear_ticks)(self.low, self.high)


def still_plot(lines: Sequence[Line], label: str, *, is_log: bool, dots: bool) -> Html:
    """Return the picture."""
    x_range = _range([line.x for line in lines], is_log=False)
    across = Scale(*x_range, LEFT, WIDTH - RIGHT)
    y_range = _range([line.y for line in lines], is_log=is_log)
    up = Scale(*y_range, HEIGHT - BOTTOM, TOP, is_log)
    shapes: list[Html] = []
    for tick in up.ticks:
        y = float(up.at(np.array([tick]))[0])
        shapes.append(shape("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid"))
        shapes.append(text_at(LEFT - 6, y + 4, tick_text(tick), "dim", "end"))
    for tick in across.ticks:
        x = float(across.at(np.array([tick]))[0])
        shapes.append(text_at(x, HEIGHT - 8, tick_text(tick), "dim", "middle"))
    for line in lines:
        shapes += _drawn(line, across, up, dots=dots or len(line.x) == 1)
    return picture(WIDTH, HEIGHT, label, *shapes, class_="still")


def _range(values: Sequence[Numbers], *, is_log: bool) -> tuple[float, float]:
    """Return the range of all values that can be drawn."""
    found = np.concatenate([*values, np.empty(0)])
    found = found[np.isfinite(found) & ((found > 0) | (not is_log))]
    if not len(found):
        return 1.0, 2.0
    low, high = float(found.min()), float(found.max())
    if low == high:
        return (low / 1.1, high * 1.1) if is_log else (low - abs(low) / 10 - 1e-9, high + 1e-9)
    if is_log:
        room = (high / low) ** 0.03
        return low / room, high * room
    return low, high


def _drawn(line: Line, across: Scale, up: Scale, *, dots: bool) -> list[Html]:
    kept = thinned(line.y, STILL_POINTS)
    x, y = across.at(line.x[kept]), up.at(line.y[kept])
    if dots:
        pairs = zip(x.tolist(), y.tolist(), strict=True)
        return [
            shape("circle", cx=a, cy=b, r=3, class_=f"{line.class_} dot")
            for a, b in pairs
            if math.isfinite(b)
        ] + _drawn(line, across, up, dots=False) * (len(line.x) > 1)
    path, drawing = [], False
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        if math.isfinite(b):
            path.append(f"{'L' if drawing else 'M'}{a:.1f} {b:.1f}")
        drawing = math.isfinite(b)
    return [shape("path", d="".join(path), class_=f"{line.class_} line")]
