"""Options of the readers: what is taken from a file."""

from typing import Literal

from lmkit.config import Group


class Reading(Group):
    """How some formats are read."""

    unit: Literal["file", "paragraph"] = "file"
    """What is a document in plain text: the file, or each block between blank lines."""

    html: Literal["main", "all", "trafilatura"] = "main"
    """What is taken from a page: its main content, all text, or what trafilatura finds."""

    join_lines: bool = False
    """Join the hard-wrapped lines of plain text into paragraphs."""

    gutenberg: bool = True
    """Remove Project Gutenberg's header and licence from plain text."""

    licences: bool = True
    """Keep the licence header at the top of source code."""

    generated: bool = True
    """Keep source code that says that a program has written it."""
