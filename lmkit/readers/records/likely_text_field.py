"""Which field holds the text, of records that don't have the one that was asked for.

Choice: nothing is guessed when texts are read: the field is named in the reason, as an option to
type. It is one with a similar name, else one with a name that data sets give their texts, else the
only one that holds strings and isn't known to hold something else.
"""

import shlex
from collections.abc import Iterable

from lmkit.artifacts.document import CURE
from lmkit.suggestions import nearest

TEXTS = (
    *("text", "content", "contents", "body", "document", "raw_content", "page_content", "article"),
    *("markdown", "passage", "story", "sentence", "abstract", "code", "message", "output"),
)
"""Names of texts in published data sets, the likeliest first."""
OTHERS = frozenset(
    {
        *("id", "_id", "uuid", "hash", "url", "uri", "link", "source", "path", "file", "filename"),
        *("title", "author", "name", "date", "time", "timestamp", "created", "created_at", "year"),
        *("lang", "language", "license", "licence", "label", "category", "domain", "dump", "split"),
    }
)
"""Names of fields of strings that aren't texts."""


def likely_text_field(wanted: str, strings: Iterable[str]) -> str | None:
    """Return the field that is likely to hold the text, of those that hold strings.

    >>> likely_text_field("text", ["url", "Content"]), likely_text_field("text", ["id", "prose"])
    ('Content', 'prose')
    >>> likely_text_field("contnt", ["content", "body"]), likely_text_field("text", ["a", "b"])
    ('content', None)
    """
    names = list(strings)
    lower = {name.lower(): name for name in reversed(names)}
    known = [lower[name] for name in TEXTS if name in lower]
    if wanted not in TEXTS and (near := nearest(wanted, names)):
        return near
    if known:
        return known[0]
    left = [name for name in names if name.lower() not in OTHERS]
    return left[0] if len(left) == 1 else None


def cure(wanted: str, strings: Iterable[str]) -> str:
    """Return what to append to the reason that a field is missing; empty if none is likely.

    >>> cure("text", ["content", "url"])
    '; try --text-field content'
    """
    field = likely_text_field(wanted, strings)
    return f"{CURE}{shlex.quote(field)}" if field else ""
