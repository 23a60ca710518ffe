r"""HTML that is built safely: whatever is not markup made here is escaped.

Choices:
- Markup has a type of its own. Any other value becomes text: control characters, and those that
  change the direction of text, are shown as escapes, then `html.escape` does the rest. So no id, no
  option and no document can add an element, also not one that was written to do so.
- No `style` attribute: the page's security policy forbids them. Classes and SVG attributes do it.
"""

from collections.abc import Iterable
from html import escape

from lmkit.execution.tables import printable


class Html(str):
    """Markup that is safe to put on a page."""

    __slots__ = ()


VOID = frozenset({"br", "meta", "link"})
Attribute = str | int | float | bool | None


def readable(value: object) -> str:
    r"""Return a text with escapes for what doesn't print; line feeds and tabs stay.

    >>> readable("a\tb\nc\x1b[31m\u202e")
    'a\tb\nc\\x1b[31m\\u202e'
    """
    text = str(value)
    if text.isprintable():
        return text
    lines = ("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))
    return "\n".join(lines)


def markup(child: object) -> Html:
    """Return a child of an element: markup as it is, anything else as text.

    >>> markup("<b>")
    '&lt;b&gt;'
    """
    return child if isinstance(child, Html) else Html(escape(readable(child)))


def joined(children: Iterable[object], separator: str = "") -> Html:
    """Return children one after the other."""
    return Html(separator.join(map(markup, children)))


def element(name: str, /, *children: object, **attributes: Attribute) -> Html:
    """Return an element. Underscores in attributes become hyphens; None and False leave one out.

    >>> element("p", "1 < 2", element("br"), class_="note", data_x=3, hidden=None)
    '<p class="note" data-x="3">1 &lt; 2<br></p>'
    """
    shown: list[str] = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        text = escape(readable(value)) if value is not True else ""
        shown.append(f' {attribute}="{text}"')
    start = f"<{name}{''.join(shown)}>"
    return Html(start if name in VOID else f"{start}{joined(children)}</{name}>")


def paragraph(*children: object) -> Html:
    """Return a paragraph that explains what follows."""
    return element("p", *children, class_="note")


def folded(title: object, *children: object) -> Html:
    """Return what is shown when its title is clicked."""
    return element("details", element("summary", title), *children)


def preformatted(text: object, **attributes: Attribute) -> Html:
    """Return a text with its own line breaks."""
    return element("pre", text, tabindex=0, **attributes)
