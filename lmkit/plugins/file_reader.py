"""Reads files with a plugin's reader, as lmkit's own readers do.

Choices:
- The reader gets a decompressed stream, so it needs to know no compression, and one that reads line
  by line holds no file in memory.
- Data that can't be decompressed is quarantined, and what was read before is kept; so is a record
  over the limit. Any other error is the plugin's: it stops the run, and names file and record.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lmkit.artifacts.document import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.errors import PluginError
from lmkit.plugins.plugin import Record
from lmkit.readers.reader import Request, new_document, unreadable
from lmkit.storage.byte_lines import blocks
from lmkit.storage.byte_ranges import Compression, CorruptInput, Range


@dataclass(frozen=True)
class PluginReader:
    """A `Reader` (see lmkit/readers/reader.py) that calls the function of a plugin."""

    plugin: str
    name: str
    function: Callable[..., Iterator[Record]]
    has_options: bool

    def __call__(
        self, part: Slice, source: Range, request: Request, /
    ) -> Iterator[Document | Unreadable]:
        """Yield the documents of a file."""
        name = self.name.replace("-", "_")
        options = [getattr(request.reading, name)] if self.has_options else []
        number = 0
        stream = io.BufferedReader(_Decompressed(source, part.compression))
        try:
            for record in self.function(stream, *options):
                yield self._document(part, number, record, request)
                number += 1
        except CorruptInput as damage:
            yield unreadable(part, damage, number)
        except (MemoryError, PluginError):
            raise
        except Exception as error:
            where = f"{part.location}, after {number:,} records"
            raise PluginError.of(self.plugin, f"reader {self.name}", where, error) from error

    def _document(
        self, part: Slice, number: int, record: Any, request: Request
    ) -> Document | Unreadable:
        if not isinstance(record, Record):
            raise TypeError(f"yielded {type(record).__name__}, must be a Record")
        if len(record.text) > request.max_record:
            return unreadable(part, CorruptInput(0, request.too_long), number)
        metadata = dict(record.metadata)
        document = new_document(part, record.text, record=number, metadata=metadata)
        if record.id is None:
            return document
        return Document(record.id, document.text, document.source, document.metadata)


class _Decompressed(io.RawIOBase):
    """The decompressed bytes of a file, as a stream."""

    def __init__(self, source: Range, compression: Compression) -> None:
        self._blocks = blocks(source, compression)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = memoryview(block[1])  # reads are small: slices of it copy nothing
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
