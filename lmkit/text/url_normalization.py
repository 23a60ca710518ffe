"""Normal form of URLs, so that two URLs of the same page are equal.

Choices:
- URLs that RFC 3986, section 6.2, calls equivalent are equal: case of scheme and host, case and
  need of percent-encoding, dot segments, a default port, an empty path.
- So are those that nearly always lead to the same page: http and https, `www.`, a slash or
  index.html at the end, the order of parameters, a fragment, and parameters that only track the
  referrer of a visit (utm_…, fbclid etc.) or the session.
- A fragment that begins with `!`, or has a slash, is a route: a script shows the pages of one
  application, whose URLs differ in it alone. It is normalized as a path and a query are.
- Whatever may choose another page is kept: every other parameter, `ref` (it is a branch elsewhere)
  and the case of a path.
- Only http and https URLs are URLs of pages.
"""

import re
from contextlib import suppress
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

from lmkit.text.surrogates import well_formed

TRACKING = re.compile(
    r"utm_\w+|fbclid|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|yclid|twclid|ttclid|igshid|igsh|mc_[ce]id"
    r"|_ga|_gl|_hsenc|_hsmi|vero_id|oly_(?:enc|anon)_id|mkt_tok|phpsessid|jsessionid"
    r"|aspsessionid\w*",
    re.I,
)
"""Parameters that don't choose a page."""
SESSION = re.compile(r";jsessionid=[^/?#]*", re.I)
PORTS = {"http": 80, "https": 443}
UNRESERVED = "-._~"
IN_PATH = "/!$&'()*+,;=:@"
IN_QUERY = "/?!$'()*+,;:@"


def normalized_url(url: str) -> str | None:
    """Return the normal form of the URL of a page, None if it isn't one.

    >>> normalized_url("HTTPS://www.Example.com:443/a/../b/?utm_source=x&n=2&m=1#top")
    'example.com/b?m=1&n=2'
    >>> normalized_url("mailto:someone@example.com")
    """
    try:
        parts = urlsplit(well_formed(url.strip()))
        host, port = _host(parts), parts.port
    except ValueError:
        return None
    if parts.scheme not in PORTS or not host:
        return None
    authority = host if port in {None, PORTS[parts.scheme]} else f"{host}:{port}"
    path = _without_dots(_coded(SESSION.sub("", parts.path), IN_PATH))
    path = re.sub(r"/index\.html?$", "/", path).rstrip("/")
    return authority + path + _query(parts.query) + _route(parts.fragment)


def _route(fragment: str) -> str:
    """Return the normal form of a fragment that is a route, with its #; of any other, nothing."""
    fragment = fragment.partition(":~:")[0].partition("#")[0]  # a passage, or an anchor in a route
    bang = fragment[:1] == "!"
    path, _, search = fragment.removeprefix("!").partition("?")
    path = _coded(path.rstrip("/"), IN_PATH)
    if not bang and "/" not in path and (path or not search):
        return ""
    route = path + _query(search)
    return f"#{'!' * bang}{route}" if route else ""


def _query(text: str) -> str:
    """Return the normal form of a query, with its question mark."""
    found = sorted(_coded(parameter, IN_QUERY + "=") for parameter in _parameters(text))
    return f"?{'&'.join(found)}" if found else ""


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    if not host.isascii():
        with suppress(UnicodeError):  # not a valid host name, but equal ones are still equal
            host = host.encode("idna").decode()
    bare = host.removeprefix("www.")
    return bare if "." in bare else host


def _parameters(query: str) -> list[str]:
    return [
        parameter
        for parameter in query.split("&")
        if parameter and not TRACKING.fullmatch(_name(parameter))
    ]


def _name(parameter: str) -> str:
    return parameter.partition("=")[0]


def _coded(text: str, safe: str) -> str:
    """Percent-encode only where needed, and in one form.

    The code of a reserved character is kept: %2F is not a slash.
    """
    pieces = re.split(r"(%[0-9a-fA-F]{2})", text)
    return "".join(
        quote(unquote_to_bytes(piece), UNRESERVED)
        if number % 2
        else quote(piece, safe + UNRESERVED)
        for number, piece in enumerate(pieces)
    )


def _without_dots(path: str) -> str:
    """Follow the dot segments of a path (RFC 3986, section 5.2.4)."""
    kept: list[str] = []
    parts = path.split("/")
    for part in parts:
        if part == "..":
            del kept[max(1, len(kept) - 1) :]
        elif part != ".":
            kept.append(part)
    if parts[-1] in {".", ".."}:
        kept.append("")
    return "/".join(kept)
