"""The formats that `lmkit clean` reads: an entry each.

Choices:
- A new format is a reader in `lmkit.readers`, and an entry here: by what a file is recognized, what
  reads it, and what else is known of it. Nothing else lists formats.
- A name that indicates a format is trusted. The first bytes decide where a name is shared by
  several formats, or isn't known.
- A reader is named, not imported: most libraries are slow to import, and no run needs all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lmkit.storage.programming_languages import LANGUAGES

# An XML declaration, comments, and a document type without internal declarations.
# (Possessive: without backtracking, which would double the work with each comment.)
PROLOG = rb"(?>(?:<\?xml[^>]{0,200}>|<!--.{0,2000}?-->|<!DOCTYPE[^>\[]{0,300}>|\s++){0,200})"


@dataclass(frozen=True)
class FileFormat:
    """A format, and the files that have it."""

    name: str
    """What `--format` calls it."""
    reader: str | Callable[..., Any]
    """The function that reads it (see `lmkit.readers.reader`): module and name below
    `lmkit.readers`, or the function."""
    endings: tuple[str, ...] = ()
    """The ends of the names of such files."""
    magics: tuple[bytes, ...] = ()
    """What such files begin with."""
    patterns: tuple[bytes, ...] = ()
    """What the text of such files begins with: regular expressions, after white space, in any
    letter case."""
    has_fields: bool = False
    """Whether records have fields that can be named (in an archive, those of its members)."""
    compressible: bool = True
    """Whether it is read in compressed form; some are compressed internally."""
    splits: tuple[str, ...] = ()
    """The compressions with which a reader can begin at any offset: what begins in its part of a
    file is its own. Others are read by one task."""
    library: tuple[str, str] | None = None
    """The optional library that it needs, and how that is installed."""


FORMATS = (
    FileFormat("text", "plain_text.read_plain_text", (".txt", ".md", ".markdown", ".rst")),
    FileFormat("code", "source_code.read_source_code", (*LANGUAGES,)),
    FileFormat(
        "jsonl",
        "json_lines.read_json_lines",
        (".jsonl", ".ndjson"),
        has_fields=True,
        splits=("none", "gzip", "zstd", "bzip2"),  # gzip members, zstd frames, bzip2 blocks
    ),
    FileFormat("json", "records.json_files.read_json", has_fields=True),
    FileFormat("csv", "csv_rows.read_table", (".csv",), has_fields=True),
    FileFormat("tsv", "csv_rows.read_table", (".tsv",), has_fields=True),
    FileFormat(
        "parquet",
        "parquet.read_parquet",
        (".parquet",),
        magics=(b"PAR1",),
        has_fields=True,
        splits=("none",),  # row groups
        compressible=False,
    ),
    FileFormat(
        "arrow",
        "parquet.read_arrow",
        (".arrow",),
        magics=(b"ARROW1\0\0", b"\xff\xff\xff\xff"),  # of a stream, its first message's marker
        has_fields=True,
        compressible=False,
    ),
    FileFormat(
        "html",
        "html.read_web_page",
        (".html", ".htm", ".xhtml"),
        patterns=(PROLOG + rb"<(html|head|body)\b", rb"<!DOCTYPE\s+html"),
    ),
    FileFormat(
        "warc",
        "warc.read_web_archive",
        (".warc", ".wet"),
        magics=(b"WARC/",),
        splits=("gzip", "zstd"),  # a member or a frame for each record
    ),
    # A document type with declarations may be an entity bomb: the reader reports it.
    FileFormat(
        "wikipedia",
        "wikipedia.read_wikipedia",
        patterns=(PROLOG + rb"(?:<!DOCTYPE\s+mediawiki|<mediawiki)\b",),
        splits=("none", "bzip2"),  # pages
    ),
    FileFormat(
        "stackexchange",
        "stack_exchange.read_posts",
        patterns=(PROLOG + rb"(?:<!DOCTYPE\s+posts|<posts)\b",),
    ),
    FileFormat("threads", "reply_threads.read_threads"),
    FileFormat(
        "subtitles",
        "subtitles.read_subtitles",
        (".srt", ".vtt", ".ass", ".ssa", ".ttml", ".dfxp"),
        patterns=(rb"WEBVTT\b", rb"\d+\s*\r?\n\d\d:\d\d:\d\d[,.]\d{3}\s*-->"),
    ),
    FileFormat("epub", "epub.read_epub", (".epub",), compressible=False),
    FileFormat(
        "pdf",
        "pdf.read_pdf",
        (".pdf",),
        magics=(b"%PDF-",),
        compressible=False,
        library=("pypdfium2", "pip install 'pypdfium2>=5,<6'"),
    ),
    FileFormat("notebook", "containers.notebook.read_notebook", (".ipynb",)),
    FileFormat("archive", "containers.archive.read_archive", (".zip", ".tar"), has_fields=True),
)
NAMES = tuple(each.name for each in FORMATS)
