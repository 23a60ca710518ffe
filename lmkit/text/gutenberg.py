"""Books of Project Gutenberg without its header and its licence, in plain text and in EPUBs.

Choices:
- What it adds to a book is not part of it. It is recognized by the lines that all its files have
  since 2001; books without them are unchanged.
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
CREDITS = re.compile(
    r"\s*(?:(?:E-?text |This e-?text was )?(?:produced|prepared) by\b[^\n]*(?:\n[^\n]+)*)",
    re.IGNORECASE,
)
FIELD = re.compile(r"^(Title|Author|Language|Release date): *(\S[^\n]*)$", re.MULTILINE | re.I)
NAMES = {"title": "title", "author": "author", "language": "language", "release date": "date"}
HEAD = 20_000
"""Characters within which the header must end."""


def without_gutenberg(text: str) -> tuple[str, dict[str, Any]]:
    """Return a book without what Project Gutenberg added, and the fields of its header."""
    if not GUTENBERG.search(text, 0, HEAD):
        return text, {}
    text = text.replace("\r\n", "\n")
    start = START.search(text, 0, HEAD)
    if start is None:
        return text, {}
    end = END.search(text, start.end())
    header, body = text[: start.start()], text[start.end() : end.start() if end else None]
    fields = {NAMES[name.lower()]: value.strip() for name, value in FIELD.findall(header)}
    credit = CREDITS.match(body)
    return body[credit.end() if credit else 0 :].strip("\n"), dict(fields)
