"""Tables of facts, and numbers, as the page shows them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from lmkit.execution.tables import size
from lmkit.reporting.escaped_html import Html, element, joined

Row = Mapping[str, object]
MAX_ROWS = 100


def number(value: float) -> str:
    """Return a number as people read it.

    >>> number(12345), number(0.000123456), number(3.0), number(float("nan"))
    ('12,345', '0.0001235', '3', 'not finite')
    """
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return "not finite"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def duration(seconds: float) -> str:
    """Return a duration.

    >>> duration(0.42), duration(75), duration(7300)
    ('0.4 s', '1 min 15 s', '2 h 01 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
    )


def cell(name: str, value: object) -> object:
    """Return what is shown of a value in a column."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return size(int(value)) if name == "bytes" else number(value)
    if isinstance(value, Mapping):
        inner = cast(Mapping[str, Any], value)
        return ", ".join(f"{key} {cell(key, each)}" for key, each in inner.items())
    if isinstance(value, list | tuple):
        return " ".join(str(each) for each in cast(Sequence[Any], value))
    return value


def table(rows: Sequence[Row], caption: object = None) -> Html:
    """Return a table with a column for each name that a row has; numbers stand at the right."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    head = element("tr", *(element("th", name.replace("_", " "), scope="col") for name in columns))
    shown = [element("tr", *(_cell(name, row) for name in columns)) for row in rows[:MAX_ROWS]]
    if rest := len(rows) - len(shown):
        shown.append(element("tr", element("td", f"and {rest:,} more", colspan=len(columns))))
    title = [element("caption", caption)] if caption else []
    made = element("table", *title, element("thead", head), element("tbody", *shown))
    return element("div", made, class_="scroll", tabindex=0)


def _cell(name: str, row: Row) -> Html:
    if name not in row:
        return element("td")
    value = row[name]
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return element("td", cell(name, value), class_="n" if numeric else None)


def fact_cards(facts: Mapping[str, object]) -> Html:
    """Return large numbers, each with what it is."""
    cards = (
        element("div", element("dd", value), element("dt", name)) for name, value in facts.items()
    )
    return element("dl", joined(cards), class_="cards")
