"""Data sets of the Hugging Face hub: a row is a document.

Choices:
- The location of a row is its shard and its index in it: both depend on the data set alone.
- The unreadable rest of a shard is one record in quarantine; if the hub can't be reached, that is
  an error, because nothing is wrong with the data.
"""

import hashlib
from collections.abc import Iterator
from gzip import BadGzipFile
from json import JSONDecodeError
from typing import Any, cast

import pyarrow as pa

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.artifacts.locations import source_at
from lmkit.artifacts.tasks import ReadRange
from lmkit.errors import InputError, LmkitError
from lmkit.readers.json_records import decoded, plain, record_document
from lmkit.readers.reader import Request, unreadable
from lmkit.storage.byte_ranges import CorruptInput
from lmkit.storage.hub import HubDataset, first_line, shards_and_version


def read_dataset(
    part: Slice, read_ranges: list[ReadRange], request: Request
) -> Iterator[Document | Unreadable]:
    """Yield the documents of a shard, and record the hash of its rows."""
    dataset = source_at(part.location)
    assert isinstance(dataset, HubDataset)
    digest = hashlib.sha256()
    _check_unchanged(part, dataset)
    for number, row in enumerate(_rows(part, dataset)):
        if isinstance(row, CorruptInput):
            yield unreadable(part, row, number)
            break
        digest.update(repr(sorted(row.items())).encode("utf-8", "surrogatepass"))
        try:
            fields = _with_text(row, request)
            text = fields.get(request.text_field)
            if isinstance(text, str) and len(text.encode("utf-8", "replace")) > request.max_record:
                raise CorruptInput(part.start, request.too_long)
            yield record_document(part, fields, request, part.start, number)
        except CorruptInput as damage:
            yield unreadable(part, damage, number)
    _check_unchanged(part, dataset)
    read_ranges.append(
        ReadRange(input=part.input, start=part.start, stop=part.stop, sha256=digest.hexdigest())
    )


def _rows(part: Slice, dataset: HubDataset) -> Iterator[dict[str, Any] | CorruptInput]:
    """Yield the rows of a shard; errors that may be due to the network end the run."""
    try:
        shard = dataset.load().shard(part.size, part.start)
        yield from cast(Iterator[dict[str, Any]], iter(shard))
    except (pa.ArrowInvalid, UnicodeDecodeError, JSONDecodeError, EOFError, BadGzipFile) as error:
        yield CorruptInput(part.start, f"damaged: {first_line(error)}")
    except Exception as error:
        raise LmkitError(
            f"{dataset.url}: cannot be read: {first_line(error)}",
            "run the same again when it can be reached: finished tasks are kept",
        ) from None


def _with_text(row: dict[str, Any], request: Request) -> dict[str, Any]:
    """Return a row in its JSON form; a field of bytes is read as UTF-8 where it is the text."""
    names = request.template.fields if request.template else [request.text_field]
    texts = {name: decoded(row[name]) for name in names if isinstance(row.get(name), bytes)}
    return {name: plain(value) for name, value in (row | texts).items()}


def _check_unchanged(part: Slice, dataset: HubDataset) -> None:
    try:
        now = shards_and_version(dataset)
    except InputError:
        raise LmkitError(
            f"{dataset.url}: it existed when the work was planned, and is gone",
            "run the same again when it can be read: finished tasks are kept",
        ) from None
    if now != (part.size, part.modified):
        raise LmkitError(
            f"{dataset.url}: it has changed since the work was planned",
            "name a revision (&revision=…), or start from scratch with --overwrite",
        )
