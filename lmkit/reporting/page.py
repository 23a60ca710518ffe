"""The page: one file that needs nothing else, and can do nothing else.

Choices:
- Its security policy allows one script and one style, by their hashes, and nothing from anywhere.
  So even if a text could add a script, no browser would run it, and nothing could leave the page.
- It holds no date and no random number: the same folders give the same bytes.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from importlib.resources import files

from lmkit.reporting.escaped_html import Html, element, joined
from lmkit.reporting.section import Section

ICON = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
"""An empty picture, so that no browser asks for one."""


def page(title: str, head: Iterable[Html], sections: Sequence[Section], foot: str) -> str:
    """Return the page as text."""
    style, script = (
        files("lmkit.reporting").joinpath(name).read_text("utf-8")
        for name in ("style.css", "charts.js")
    )
    links = [element("a", section.title, href=f"#{section.anchor}") for section in sections]
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    markup = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=policy),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("title", title),
            element("link", rel="icon", href=ICON),
            element("style", Html(style)),
        ),
        element(
            "body",
            element(
                "header",
                element("h1", title),
                *head,
                element("nav", *links, aria_label="sections"),
            ),
            element("main", joined((each.shown() for each in sections), "\n")),
            element("footer", foot),
            element("script", Html(script)),
        ),
        lang="en",
    )
    return f"<!DOCTYPE html>\n{markup}\n"


def _hash(text: str) -> str:
    """Return what allows an inline script or style in a security policy.

    >>> _hash("alert(1)")
    "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"
    """
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
