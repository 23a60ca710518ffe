"""Every document of a slice, whatever its format.

Choices:
- Unreadable data is an outcome like any other, and the records around it are kept. The unreadable
  rest of a file counts as one.
- A document's id is the record's own, or a hash of its location and text; it never depends on how
  the work was divided into tasks.
- `source` is the record's own unless a person gave one.
- A reader's module is imported with the first file that needs it: most of the libraries are slow to
  import, and no run needs all of them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lmkit.artifacts.document import Document, Unreadable
from lmkit.artifacts.documents_file import read_shard
from lmkit.artifacts.inputs import Slice, open_slice
from lmkit.artifacts.tasks import ReadRange
from lmkit.errors import InputError
from lmkit.execution.meter import count_document
from lmkit.readers.hub_dataset import read_dataset
from lmkit.readers.options import ReaderConfig
from lmkit.readers.reader import Reader, Request
from lmkit.readers.records.text_template import TextTemplate
from lmkit.storage.byte_ranges import Range
from lmkit.storage.formats import Format, formats_with
from lmkit.storage.registry import FORMATS, FileFormat


def check_libraries(slices: Iterable[Slice]) -> None:
    """Raise InputError if files need a library that isn't installed."""
    libraries = {each.name: each.library for each in FORMATS if each.library}
    needed: dict[Format, list[Slice]] = {}
    for part in slices:
        if part.format in libraries:
            needed.setdefault(part.format, []).append(part)
    for kind, parts in needed.items():
        library, installation = libraries[kind]
        if find_spec(library) is None:
            locations = {part.location for part in parts}
            files, names = len(locations), map(Path, locations)
            patterns = {f"*{each.suffix}" if each.suffix else each.name for each in names}
            exclude = " ".join(f"--exclude '{pattern}'" for pattern in sorted(patterns))
            more = f" and {files - 1:,} more such file{'s' * (files > 2)}" if files > 1 else ""
            raise InputError(
                f"{parts[0].location}{more}: {kind} needs {library}, which is not installed",
                f"{installation}; or leave these files out: {exclude}",
            )


def missing_library(kind: Format) -> str | None:
    """Return the library of a format that isn't installed, and how it is; None if all are there."""
    library = next((each.library for each in FORMATS if each.name == kind), None)
    if library is None or find_spec(library[0]) is not None:
        return None
    return f"{kind} needs {library[0]}, which is not installed: {library[1]}"


def read_slice(
    part: Slice,
    read_ranges: list[ReadRange],
    *,
    source: str | None = None,
    text_field: str = "text",
    text_template: str | None = None,
    max_record: int,
    reading: ReaderConfig | None = None,
    counts: Counter[str] | None = None,
) -> Iterator[Document | Unreadable]:
    """Stream the documents of a slice; record in `read_ranges` what was read.

    What the reader counts besides documents is added to `counts`.
    """
    counts = counts if counts is not None else Counter()
    template = TextTemplate(text_template) if text_template else None
    reading = reading or ReaderConfig()
    request = Request(source, text_field, template, max_record, reading, counts)
    try:
        if part.format == "hub":
            yield from _counted(read_dataset(part, read_ranges, request))
            return
        for opened_range in open_slice(part, read_ranges):
            read = reader_of(part.format, reading.added)
            yield from _counted(read(part, opened_range, request))
    except PermissionError as error:
        reason = f"cannot be read: {error.strerror}"
        yield Unreadable(part.source, part.origin, part.start, 0, reason)


def _counted(documents: Iterator[Document | Unreadable]) -> Iterator[Document | Unreadable]:
    """Yield documents, and count them in the progress that is shown."""
    for document in documents:
        count_document()
        yield document


@cache
def reader_of(kind: Format, added: tuple[FileFormat, ...] = ()) -> Reader:
    """Return the function that reads a format, of those in the registry and added ones."""
    if kind == "documents":
        return _read_documents
    reader = formats_with(added).by_name[kind].reader
    if not isinstance(reader, str):
        return reader
    module, _, name = reader.rpartition(".")
    return getattr(import_module(f"lmkit.readers.{module}"), name)


def _read_documents(part: Slice, source: Range, request: Request) -> Iterator[Document]:
    for document in read_shard(source, part.path):
        yield _relabelled(document, request.label)


def _relabelled(document: Document, source: str | None) -> Document:
    if source is None or source == document.source:
        return document
    values: dict[str, Any] = {**vars(document), "source": source}
    return Document(**values)
