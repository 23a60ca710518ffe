"""Plots of curves: what a figure on the page holds, for charts.js to draw.

Choices:
- Numbers are float32 in base64: a third of their size as text, and read without parsing.
- A curve holds steps and values. What tokens and hours those steps are is the same for all curves
  of a run, so it is stored once, in the run's clock.
- The JSON of a figure is data, which no browser runs; `<`, `>` and `&` are written as escapes in
  it, so no name of a run can end the element that holds it.
- A still picture is part of each figure: it is seen without scripts, and printed.
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmkit.reporting.escaped_html import Html, element, readable
from lmkit.reporting.run_metrics import Curve, RunMetrics
from lmkit.reporting.still_plot import Line, Numbers, still_plot
from lmkit.reporting.tables_html import number
from lmkit.reporting.thinning import thinned

COLORS = 8
CLOCK_POINTS = 400


@dataclass(frozen=True)
class Series:
    """A curve, and how it is drawn."""

    name: str
    curve: Curve
    run: int = 0
    """The number of its run: its clock, and its color."""
    dash: int = 0

    @property
    def class_(self) -> str:
        """The classes of its color and its dashes."""
        return f"c{self.run % COLORS} d{(self.dash + self.run // COLORS) % 4}"


@dataclass(frozen=True)
class Plot:
    """Curves over the same axes."""

    title: str
    caption: str
    series: tuple[Series, ...]
    is_log: bool = False
    """Whether the vertical axis is logarithmic at first."""
    dots: bool = False
    """Whether the points are drawn too, where there are few."""

    @property
    def summary(self) -> str:
        """A sentence for those who don't see it."""
        ends = [
            f"{each.name} from {number(float(each.curve.values[0]))} to {number(each.curve.last)}"
            for each in self.series
        ]
        return f"{self.title} by step: {'; '.join(ends)}"


def figure(plot: Plot) -> Html:
    """Return a figure with its data and its still picture."""
    lines, data = [], []
    for series in plot.series:
        kept = thinned(series.curve.values)
        x, y = series.curve.steps[kept], series.curve.values[kept]
        lines.append(Line(x, y, series.class_))
        data.append(
            {
                "name": readable(series.name),
                "run": series.run,
                "color": series.run % COLORS,
                "dash": (series.dash + series.run // COLORS) % 4,
                "x": _floats(x),
                "y": _floats(y),
            }
        )
    content = {"label": readable(plot.summary), "log": plot.is_log, "dots": plot.dots}
    still = still_plot(lines, plot.summary, is_log=plot.is_log, dots=plot.dots)
    return element(
        "figure",
        element("figcaption", element("b", plot.title), " ", element("span", plot.caption)),
        element("div", still, class_="stage"),
        json_block(content | {"series": data}),
        still_legend(plot),
        class_="plot",
    )


def still_legend(plot: Plot) -> Html:
    """Return the names of the curves, with their colors; the script replaces it by buttons."""
    names = [
        element("span", element("i", class_=f"swatch {each.class_}"), each.name)
        for each in plot.series
    ]
    return element("div", *names, class_="legend")


def clocks(runs: Sequence[RunMetrics]) -> Html:
    """Return the tokens and hours of the steps of all runs."""
    found: list[dict[str, str]] = []
    for run in runs:
        last = len(run.steps) - 1
        kept = np.unique(np.linspace(0, max(last, 0), CLOCK_POINTS).astype(int))
        kept = kept if len(run.steps) else np.empty(0, int)
        names = {"step": run.steps, "tokens": run.tokens, "hours": run.hours}
        found.append({name: _floats(values[kept]) for name, values in names.items()})
    return json_block(found, class_="clocks")


def json_block(value: Any, **attributes: str) -> Html:
    r"""Return data for the script, as an element that is never run.

    >>> json_block("</script>")
    '<script type="application/json">"\\u003c/script\\u003e"</script>'
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return element("script", Html(text), type="application/json", **attributes)


def _floats(values: Numbers) -> str:
    with np.errstate(over="ignore"):
        return b64encode(values.astype("<f4").tobytes()).decode()
