"""Options of every command that reads or writes documents, and the files that hold documents.

A group here is inherited by the options of the commands that need it, so each option is declared
once.
"""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from lmkit.config import Group

QUARANTINE_FILES = r"quarantine-(validation-)?\d{5,}\.jsonl\.zst"
DOCUMENT_FILES = (
    r"(documents|rejected)-\d{5,}\.jsonl\.zst",
    r"documents-\d{5,}\.parquet",
    QUARANTINE_FILES,
)
SIGNALS_FILES = r"signals-\d{5,}\.parquet"

RANGE_BYTES = 64_000_000
DocumentFormat = Literal["jsonl.zst", "parquet"]
"""The endings of files of documents."""


class ReadsRecords(Group):
    """Options of every command that reads records."""

    max_record: Annotated[int, Field(ge=1)] = 32_000_000
    """Longest record or text file to read, in bytes; longer ones are quarantined."""


class LabelsDocuments(Group):
    """Options of every command that reads and writes documents."""

    source: str | None = None
    """Label for all documents; none: a record's own, else the last part of the input's path."""


class WritesShards(Group):
    """Options of every command that writes shards."""

    shard_bytes: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """Input bytes per task and output shard; small files share one. auto: 2 to 64 million, or a
    20,000th of very large inputs."""


class WritesToStores(Group):
    """Options of a command whose output may be a folder in an object store."""

    writes_to_stores: ClassVar[bool] = True
    reads_own_outputs: ClassVar[bool] = False
    """Whether later steps read what earlier ones have written to the output folder."""

    scratch: Annotated[Path | None, Field(exclude=True)] = None
    """With an output at a URL, such as s3://bucket/clean: folder for unfinished work; with ray or
    slurm, one that all machines see. none: a folder in ~/.cache/lmkit."""


class WritesDocuments(WritesShards):
    """Options of every command that writes documents."""

    output_format: DocumentFormat = "jsonl.zst"
    """Format of the documents; parquet: the columns id, text, source, and metadata as JSON. What is
    rejected or unreadable is always written as jsonl.zst."""
