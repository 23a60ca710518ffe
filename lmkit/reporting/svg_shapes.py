"""Shapes of SVG, and bars made of them: pictures that need no script, and that print.

Choice: colors are classes, so one picture serves light and dark.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lmkit.reporting.escaped_html import Attribute, Html, element


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


LABELS, NOTES, HEIGHT = 190, 150, 24


def bars(rows: Sequence[Bar], label: str, width: int = 760) -> Html:
    """Return horizontal bars from zero, the largest over the full width."""
    room = width - LABELS - NOTES
    largest = max((row.value for row in rows), default=0) or 1
    shapes: list[Html] = []
    for number, row in enumerate(rows):
        top, length = number * HEIGHT, max(row.value / largest * room, 1.5 if row.value else 0)
        shapes += [
            text_at(LABELS - 8, top + 16, shortened(row.label, 28), anchor="end"),
            shape(
                "rect",
                element("title", f"{row.label}: {row.note}"),
                x=LABELS,
                y=top + 3,
                width=float(length),
                height=HEIGHT - 6,
                rx=2,
                class_=row.kind,
            ),
            text_at(LABELS + length + 6, top + 16, row.note, class_="dim"),
        ]
    return element("div", picture(width, len(rows) * HEIGHT + 4, label, *shapes), class_="scroll")


def shortened(text: str, most: int) -> str:
    """Return a text with its middle left out if it is long.

    >>> shortened("work/clean/encyclopedia", 12)
    'work/…opedia'
    """
    return text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[-(most // 2) :]}"
