"""A sample of all documents: those with the smallest hash of source, id and text.

Choices:
- It doesn't depend on the order of documents and tasks: only on the document itself. Among copies
  that are equal in all three, it doesn't matter which is chosen.
- Each task keeps the documents that may be in the sample, a multiple of its size, and their hashes;
  the sample is known when all tasks are done. So everything is read once.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from heapq import heappush, heapreplace, nsmallest
from pathlib import Path

from lmkit.artifacts.documents_file import Document, JsonLinesFile, read_shard
from lmkit.storage.byte_ranges import Range

DIGEST_BYTES = 8


def key_of(document: Document) -> int:
    """Return the hash that decides whether a document is in a sample."""
    joined = "\0".join((document.source, document.id, document.text))
    data = joined.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=DIGEST_BYTES).digest(), "big")


class Candidates:
    """Keeps the documents of a task that may be in a sample of `size`."""

    def __init__(self, size: int, file: JsonLinesFile) -> None:
        self._size = size
        self._file = file
        self._heap: list[int] = []
        """The smallest keys so far, negative: the largest of them comes first."""
        self.count = 0

    def add(self, document: Document) -> None:
        """Add a document."""
        self.count += 1
        key = key_of(document)
        if len(self._heap) < self._size:
            heappush(self._heap, -key)
        elif key < -self._heap[0]:
            heapreplace(self._heap, -key)
        else:
            return
        self._file.write(document.record())

    @property
    def keys(self) -> list[int]:
        """The keys of the documents that may be in the sample."""
        return sorted(-key for key in self._heap)


def chosen(paths: Sequence[Path], keys: Iterable[int], size: int) -> Iterator[Document]:
    """Yield the documents with the smallest keys of those that tasks have kept."""
    smallest = nsmallest(size, keys)
    if not smallest:
        return
    last = smallest[-1]
    equals = smallest.count(last)
    for path in paths:
        with Range(path, 0, path.stat().st_size) as source:
            for document in read_shard(source, path):
                key = key_of(document)
                if key < last:
                    yield document
                elif key == last and equals:
                    equals -= 1
                    yield document
