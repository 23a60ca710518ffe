"""Books of Project Gutenberg without its header and its licence, in plain text and in EPUBs.

Choices:
- What it adds to a book is not part of it. It is recognized by the lines that all its files have
  since 2001; books without them are unchanged.
- A file may hold several books, one after the other: each loses its header and its licence. What
  stands between them and is neither remains. No licence is longer than LICENCE characters.
- The text of an EPUB has these lines too, in its first and its last chapter; what it states about
  title, author and language, its package states as well.
"""

import re
from typing import Any

# https://www.gutenberg.org/policy/license.html and the files themselves: since about 2001 a book is
# between "*** START OF THE PROJECT GUTENBERG EBOOK …" and "*** END OF …"; older ones have THIS, or
# end their small print with "*END*THE SMALL PRINT!".
GUTENBERG = re.compile(r"Project Gutenberg", re.IGNORECASE)
START = re.compile(
    r"^[ ]*\*\*\*?[ ]?START OF (?:THE|THIS) PROJECT GUTENBERG[^\n]*(?:\n[^\n]+)?\*\*\*[ ]*$"
    r"|^\*END[* ]+THE SMALL PRINT![^\n]*$",
    re.MULTILINE | re.IGNORECASE,
)
END = re.compile(
    r"^[ ]*(?:\*\*\*?[ ]?END OF (?:THE|THIS) PROJECT GUTENBERG"
    r"|End of (?:the )?Project Gutenberg(?:'s|\u2019s)? )[^\n]*$",
    re.MULTILINE | re.IGNORECASE,
)
LICENCE_END = re.compile(
    r"hear about new\s+e-?books\.?|GUTINDEX\.ALL|THE SMALL PRINT![^\n]{0,80}\*END\*"
    r"|END: FULL LICEN[CS]E \*\*\*",
    re.IGNORECASE,
)
MARK = re.compile(r"^\*[^\n]*\*[ ]*$", re.MULTILINE)
"""A line such as *** END: FULL LICENSE ***."""
CREDITS = re.compile(
    r"\s*(?:(?:E-?text |This e-?text was )?(?:produced|prepared) by\b[^\n]*(?:\n[^\n]+)*)",
    re.IGNORECASE,
)
FIELD = re.compile(r"^(Title|Author|Language|Release date): *(\S[^\n]*)$", re.MULTILINE | re.I)
NAMES = {"title": "title", "author": "author", "language": "language", "release date": "date"}
HEAD = 20_000
"""Characters within which the header must end."""
LICENCE = 30_000
"""Characters within which the licence must end; it has about 20,000."""


def without_gutenberg(text: str) -> tuple[str, dict[str, Any]]:
    """Return books without what Project Gutenberg added, and the fields of their headers.

    Of several books in one text, those fields remain that all of them have.
    """
    if not GUTENBERG.search(text, 0, HEAD):
        return text, {}
    text = text.replace("\r\n", "\n")
    start = START.search(text, 0, HEAD)
    if start is None:
        return text, {}
    parts: list[str] = []
    fields = _fields(text[: start.start()])
    while start is not None:
        end = END.search(text, start.end())
        parts.append(_without_credits(text[start.end() : end.start() if end else None]))
        if end is None:
            break
        after, start = end.end(), _next_start(text, end.end())
        unknown, header = _between(text[after : start.start() if start else None], start)
        parts.append(unknown)
        if start is not None:
            others = _fields(header)
            fields = {key: known for key, known in fields.items() if others.get(key) == known}
    return "\n\n\n".join(filter(None, parts)), fields


def _fields(header: str) -> dict[str, str]:
    return {NAMES[name.lower()]: value.strip() for name, value in FIELD.findall(header)}


def _without_credits(body: str) -> str:
    credit = CREDITS.match(body)
    return body[credit.end() if credit else 0 :].strip("\n")


def _next_start(text: str, after: int) -> re.Match[str] | None:
    """Return the line after the header of another book."""
    for start in START.finditer(text, after):
        # A licence may end with a line like that of an old header.
        if GUTENBERG.search(start.group()):
            return start
    return None


def _between(text: str, start: re.Match[str] | None) -> tuple[str, str]:
    """Return what is no licence of a book, and the header of the next one, if there is any."""
    ends = [end.end() for end in LICENCE_END.finditer(text, 0, LICENCE)]
    header_at = len(text)
    if start is not None:
        found = GUTENBERG.search(text, max(ends[-1] if ends else 0, len(text) - HEAD))
        header_at = text.rfind("\n", 0, found.start()) + 1 if found else len(text)
    if not ends and header_at <= LICENCE:  # a licence with another end, or none
        return "", text[header_at:]
    unknown = MARK.sub("", text[ends[-1] if ends else 0 : header_at])
    return unknown.strip("\n\f") if unknown.strip() else "", text[header_at:]
