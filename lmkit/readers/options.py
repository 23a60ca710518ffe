"""Options of the readers: what is extracted from a file."""

from typing import Literal

from lmkit.config import Group


class ReaderConfig(Group):
    """How some formats are read."""

    unit: Literal["file", "paragraph"] = "file"
    """What a document is in plain text: the file, or each paragraph between blank lines."""

    html: Literal["main", "all", "trafilatura"] = "main"
    """What is extracted from a page: its main content, all text, or what trafilatura extracts."""

    join_lines: bool = False
    """Join the hard-wrapped lines of plain text into paragraphs."""

    gutenberg: bool = True
    """Remove Project Gutenberg's header and licence from plain text."""

    licences: bool = True
    """Keep the licence header at the top of source code."""

    generated: bool = True
    """Keep source code that is marked as generated."""
