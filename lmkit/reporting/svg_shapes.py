"""Shapes of SVG, and bars made of them: pictures that need no script, and that print.

Choice: colors are classes, so one picture serves light and dark.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lmkit.reporting.escaped_html import Attribute, Html, element, joined


def shape(name: str, /, *children: object, **attributes: Attribute) -> Html:
    """Return an element of SVG; numbers are rounded to a tenth of a pixel."""
    rounded = {
        key: f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value
        for key, value in attributes.items()
    }
    return element(name, *children, **rounded)


def picture(width: float, height: float, label: str, *children: object, class_: str = "") -> Html:
    """Return an SVG image that fits its column, with a text for those who don't see it."""
    box = f"0 0 {width:.0f} {height:.0f}"
    attributes = {"viewBox": box, "width": f"{width:.0f}", "height": f"{height:.0f}"}
    return element("svg", *children, role="img", aria_label=label, class_=class_, **attributes)


def text_at(x: float, y: float, text: object, class_: str = "", anchor: str = "start") -> Html:
    """Return a text at a position."""
    return shape("text", text, x=float(x), y=float(y), class_=class_, text_anchor=anchor)


@dataclass(frozen=True)
class Bar:
    """A bar, and what is written around it."""

    label: str
    value: float
    note: str
    kind: str = "kept"
    """The class of its color: kept, dropped, quarantined, or c0 to c7."""


WIDTH, LABELS, NOTES, HEIGHT = 820, 240, 210, 24
NARROW, NARROW_HEIGHT = 350, 40


def bars(rows: Sequence[Bar], label: str) -> Html:
    """Return horizontal bars from zero, the largest over the full width.

    They are drawn twice: the style sheet shows those with their labels above on narrow screens.
    """
    largest = max((row.value for row in rows), default=0) or 1
    wide = [_bar(row, row.value / largest, number * HEIGHT) for number, row in enumerate(rows)]
    narrow = [
        _narrow_bar(row, row.value / largest, number * NARROW_HEIGHT)
        for number, row in enumerate(rows)
    ]
    across = picture(WIDTH, len(rows) * HEIGHT + 4, label, *wide)
    down = picture(NARROW, len(rows) * NARROW_HEIGHT + 4, label, *narrow)
    return joined(
        [
            element("div", across, class_="scroll across"),
            element("div", down, class_="scroll down"),
        ]
    )


def _bar(row: Bar, share: float, top: int) -> Html:
    length = _length(share, WIDTH - LABELS - NOTES)
    return joined(
        [
            text_at(LABELS - 8, top + 16, shortened(row.label, 34), anchor="end"),
            _box(row, LABELS, top + 3, length),
            text_at(LABELS + length + 6, top + 16, row.note, "dim"),
        ]
    )


def _narrow_bar(row: Bar, share: float, top: int) -> Html:
    return joined(
        [
            text_at(0, top + 13, shortened(row.label, 30)),
            text_at(NARROW, top + 13, row.note, "dim", "end"),
            _box(row, 0, top + 17, _length(share, NARROW)),
        ]
    )


def _length(share: float, room: int) -> float:
    return max(share * room, 1.5 if share else 0.0)


def _box(row: Bar, x: int, y: int, width: float) -> Html:
    title = element("title", f"{row.label}: {row.note}")
    return shape("rect", title, x=x, y=y, width=width, height=HEIGHT - 6, rx=2, class_=row.kind)


def shortened(text: str, most: int) -> str:
    """Return a text with its middle left out if it is long.

    >>> shortened("work/clean/encyclopedia", 12)
    'work/…opedia'
    """
    return text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[-(most // 2) :]}"
