"""Histograms of the filters' signals, each with its limit.

Choices:
- The rules that drop most come first, and all others are folded away.
- A histogram spans the middle 98 % of the values, and the limit where it is near. Signals of many
  orders of magnitude (words, characters) are drawn over a logarithmic axis.
- Of very many shards a part is read, evenly spread: the page says so.
"""

from collections.abc import Sequence
from fnmatch import fnmatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.signals_file import read_signals
from lmkit.errors import LmkitError
from lmkit.filters.options import FiltersConfig, rules_of_manifest
from lmkit.filters.rules import Rule
from lmkit.reporting.axis_ticks import linear_ticks, log_ticks, tick_text
from lmkit.reporting.escaped_html import Html, element, folded, joined, paragraph
from lmkit.reporting.lineage import ShownFolder
from lmkit.reporting.report_data import ReportData
from lmkit.reporting.section import Section
from lmkit.reporting.still_plot import Scale
from lmkit.reporting.svg_shapes import picture, shape, text_at

BINS = 48
SHOWN = 6
MAX_SHARDS = 64
WIDTH, HEIGHT, SIDE = 380, 130, 10
ORDERS_FOR_LOG = 50

Numbers = NDArray[np.float64]


def signal_histograms(data: ReportData) -> Section | None:
    """Return a histogram for each rule of each cleaned folder."""
    content: list[Html] = []
    for folder in data.folders("clean"):
        content += _of_folder(folder)
    if not content:
        return None
    intro = paragraph(
        "What the filters measured of each document, and where they cut: documents on the shaded "
        "side of the dashed line are dropped. The height is the number of documents."
    )
    return Section("Filter signals", "signals", joined([intro, *content]))


def _of_folder(folder: ShownFolder) -> list[Html]:
    names = [each.name for each in folder.opened.outputs]
    shards = sorted(name for name in names if fnmatch(name, "signals-*.parquet"))
    if not shards:
        return []
    every = np.unique(np.linspace(0, len(shards) - 1, min(len(shards), MAX_SHARDS)).astype(int))
    paths = [folder.opened.path / shards[number] for number in every]
    try:
        rules = rules_of_manifest(FiltersConfig, folder.opened.plan.config)
        table = read_signals(paths, sorted({"reason", *(rule.signal for rule in rules)}))
    except (LmkitError, ValueError, KeyError, TypeError):
        return []  # a plugin's rules, or damaged files, which are among the problems
    drawn: list[tuple[int, Html]] = []
    for rule in rules:
        if rule.signal in table.column_names:
            values = _numbers(table[rule.signal])
            beyond = int(np.count_nonzero(rule.breaks(values)))
            if len(values):
                drawn.append((beyond, histogram(rule, values, beyond)))
    drawn.sort(key=lambda pair: -pair[0])
    figures = [each for _, each in drawn]
    part = f", from {len(paths):,} of {len(shards):,} shards" if len(paths) < len(shards) else ""
    content = [
        element("h3", f"{folder.name}: {table.num_rows:,} documents{part}"),
        element("div", *figures[:SHOWN], class_="grid3"),
    ]
    if rest := figures[SHOWN:]:
        more = element("div", *rest, class_="grid3")
        content.append(folded(f"{len(rest)} more signals, which drop fewer documents", more))
    return content


def _numbers(column: Any) -> Numbers:
    values = np.asarray(column.to_numpy(), np.float64)
    return values[np.isfinite(values)]


def histogram(rule: Rule, values: Numbers, beyond: int) -> Html:
    """Return the histogram of a signal, with the limit of its rule."""
    low = float(np.quantile(values, 0.01, method="lower"))
    high = float(np.quantile(values, 0.99, method="higher"))
    limit = rule.limit
    is_log = low > 0 and high / low > ORDERS_FOR_LOG
    if limit is not None and _is_near(limit, low, high, is_log=is_log):
        low, high = min(low, limit), max(high, limit)
    if not high > low:
        low, high = low - 0.5, high + 0.5
    edges = np.geomspace(low, high, BINS + 1) if is_log else np.linspace(low, high, BINS + 1)
    counts, _ = np.histogram(values, edges)
    across = Scale(low, high, SIDE, WIDTH - SIDE, is_log)
    shapes = [*_limit(rule, across), *_bars(counts, edges, across), *_axis(across)]
    sign = "at most" if rule.is_maximum else "at least"
    note = "no limit" if limit is None else f"{sign} {limit:g}: drops {beyond / len(values):.1%}"
    label = f"Histogram of {rule.signal}, from {low:.4g} to {high:.4g}; {note}"
    caption = element("figcaption", element("b", rule.signal), " ", element("span", note))
    return element("figure", caption, picture(WIDTH, HEIGHT, label, *shapes))


def _is_near(limit: float, low: float, high: float, *, is_log: bool) -> bool:
    if is_log:
        return low / 20 <= limit <= high * 20 and limit > 0
    return low - 2 * (high - low) <= limit <= high + 2 * (high - low) or low == high


def _limit(rule: Rule, across: Scale) -> list[Html]:
    if rule.limit is None or not across.low <= rule.limit <= across.high:
        return []
    at = float(across.at(np.array([rule.limit], np.float64))[0])
    start, end = (at, WIDTH - SIDE) if rule.is_maximum else (SIDE, at)
    size = {"y": 4, "height": HEIGHT - 26, "width": float(max(end - start, 0))}
    return [
        shape("rect", x=float(start), class_="cut", **size),
        shape("line", x1=at, x2=at, y1=4, y2=HEIGHT - 22, class_="limit"),
    ]


def _bars(counts: NDArray[Any], edges: Numbers, across: Scale) -> list[Html]:
    pixels, largest = across.at(edges), max(int(counts.max()), 1)
    found: list[Html] = []
    for number, count in enumerate(counts.tolist()):
        if count:
            start, end = float(pixels[number]), float(pixels[number + 1])
            height = max(count / largest * (HEIGHT - 32), 1)
            title = f"{edges[number]:.4g} to {edges[number + 1]:.4g}: {count:,} documents"
            box = {"x": start, "y": HEIGHT - 22 - height, "height": float(height)}
            width = max(end - start - 0.6, 0.6)
            found.append(shape("rect", element("title", title), width=width, class_="kept", **box))
    return found


def _axis(across: Scale) -> list[Html]:
    y = HEIGHT - 22
    line = shape("line", x1=SIDE, x2=WIDTH - SIDE, y1=y, y2=y, class_="axis")
    ticks = (log_ticks if across.is_log else linear_ticks)(across.low, across.high, 5)
    pixels = across.at(np.array(ticks)).tolist()
    texts: Sequence[Html] = [
        text_at(min(max(x, 14), WIDTH - 16), HEIGHT - 6, tick_text(tick), "dim", "middle")
        for x, tick in zip(pixels, ticks, strict=True)
    ]
    return [line, *texts]
