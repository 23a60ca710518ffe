"""The formats that a file can be read as."""

from typing import Literal

RawFormat = Literal[
    "text",
    "code",
    "jsonl",
    "json",
    "csv",
    "tsv",
    "parquet",
    "arrow",
    "html",
    "warc",
    "wikipedia",
    "stackexchange",
    "threads",
    "subtitles",
    "epub",
    "pdf",
    "notebook",
    "archive",
]
"""The formats that `lmkit clean` reads."""
