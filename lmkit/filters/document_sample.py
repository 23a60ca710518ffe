"""A sample of all documents: those with the smallest hash of source, id and text.

Choices:
- It is the same whatever the order and the tasks: a document is in it for what it is. Among copies
  that are the same in all three, it doesn't matter which.
- Each task keeps the documents that may be in it, some times as many as the sample has, and
  their hashes; who is in it is known when all tasks are done. So everything is read once.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from heapq import heappush, heapreplace, nsmallest
from pathlib import Path

from lmkit.artifacts.documents_file import Document, JsonLinesFile, read_shard
from lmkit.storage.byte_ranges import Range

DIGEST_BYTES = 8


def key_of(document: Document) -> int:
    """Return what decides whether a document is in a sample."""
    whole = "\0".join((document.source, document.id, document.text))
    data = whole.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=DIGEST_BYTES).digest(), "big")


class Candidates:
    """Keeps the documents of a task that may be in a sample of `most`."""

    def __init__(self, most: int, file: JsonLinesFile) -> None:
        self._most = most
        self._file = file
        self._heap: list[int] = []
        """The smallest keys so far, negative: the largest of them comes first."""
        self.count = 0

    def see(self, document: Document) -> None:
        """Look at a document."""
        self.count += 1
        key = key_of(document)
        if len(self._heap) < self._most:
            heappush(self._heap, -key)
        elif key < -self._heap[0]:
            heapreplace(self._heap, -key)
        else:
            return
        self._file.write(document.record())

    @property
    def keys(self) -> list[int]:
        """The keys of those that may be in it."""
        return sorted(-key for key in self._heap)


def chosen(paths: Sequence[Path], keys: Iterable[int], most: int) -> Iterator[Document]:
    """Yield the documents with the smallest keys out of what tasks have kept."""
    wanted = nsmallest(most, keys)
    if not wanted:
        return
    last = wanted[-1]
    equals = wanted.count(last)
    for path in paths:
        with Range(path, 0, path.stat().st_size) as source:
            for document in read_shard(source, path):
                key = key_of(document)
                if key < last:
                    yield document
                elif key == last and equals:
                    equals -= 1
                    yield document
