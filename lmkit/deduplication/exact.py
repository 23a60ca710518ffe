"""The matchers that find documents with the same text, and with the same URL.

Choices:
- Texts are the same if they differ only in letter case, white space, Unicode form, or in characters
  that no reader sees, such as soft hyphens.
- URLs are the same if `lmkit.text.url_normalization` normalizes them to the same string:
  `metadata.url`, else an origin that is a URL. A document without a URL is never a duplicate.
- Digests are matched by sorting: that takes some 60 bytes per document, and beyond 64 million
  documents they are sorted in partitions, by their first bytes. In addition, the document keys of
  the repeated digests of a partition are in memory.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter, scratch
from lmkit.deduplication.columns import Rows
from lmkit.deduplication.document_table import DocumentTable, Numbers
from lmkit.deduplication.keep_policy import sort_key
from lmkit.deduplication.matcher import Collector, Matcher, tables_of
from lmkit.deduplication.options import KeepConfig, MatchOptions
from lmkit.deduplication.removal_table import Removals, removed_in, write_removals
from lmkit.text.digests import SIZE, digest, normal_form, normal_form_digest
from lmkit.text.url_normalization import normalized_url

MATCHED = 1 << 26
"""Documents that are matched at a time."""

NO_KEY = bytes(SIZE)


def digest_column(name: str) -> Rows:
    """Return a column for the digests of keys."""
    return Rows(name, "uint64", width=SIZE // 8)


class SameKey(Matcher):
    """Of documents with the same key, keep one."""

    column: ClassVar[Rows]
    """The digests of the keys: two numbers of 64 bits, zeros for none."""

    def __init__(self, keep: KeepConfig) -> None:
        self.keep = keep
        self.partitions = 1

    @abstractmethod
    def key(self, document: Document) -> str | None:
        """Return what must be equal; documents for which it is None are never duplicates."""

    def digest_of(self, document: Document) -> bytes:
        """Return the digest of the key of a document; zeros for none."""
        key = self.key(document)
        return NO_KEY if key is None else digest(key)

    @property
    def columns(self) -> tuple[Rows]:
        """The digests of the keys."""
        return (self.column,)

    def collect(self, writer: TaskWriter) -> Collector:
        """Return what writes a digest of 16 bytes per document."""
        return _KeyCollector(self, writer)

    def match(
        self,
        folder: OutputFolder,
        documents: DocumentTable,
        workers: int,
        previous: Sequence[Matcher],
    ) -> None:
        """Find the digests that occur more than once."""
        self.partitions = max(1, -(-int(documents.starts[-1]) // MATCHED))
        find = _FindRepeats(self, documents, tuple(previous))
        folder.run(
            self.reason, find, range(self.partitions), workers=workers, label="matching copies"
        )

    def removed(self, partial: Path) -> Removals:
        """Return which documents are removed."""
        return Removals(
            [partial / scratch(self.reason, partition) for partition in range(self.partitions)]
        )


class Exact(SameKey):
    """Of documents with the same text, keep one."""

    reason = "exact"
    column = digest_column("digests")

    @classmethod
    def of(cls, options: MatchOptions) -> Self:
        """Return the matcher, which always runs."""
        return cls(options.keep)

    def key(self, document: Document) -> str:
        """Return the text in its normal form."""
        return normal_form(document.text)

    def digest_of(self, document: Document) -> bytes:
        """Return the digest of the key; it is made without the key where that is faster."""
        return normal_form_digest(document.text)


class SameUrl(SameKey):
    """Of documents with the same URL, keep one."""

    reason = option = "url"
    column = digest_column("addresses")
    works_with_index = False  # an index compares full texts only

    @classmethod
    def of(cls, options: MatchOptions) -> Self | None:
        """Return the matcher, or None without `--url`."""
        return cls(options.keep) if options.url else None

    def key(self, document: Document) -> str | None:
        """Return the URL in its normal form."""
        for name in ("url", "origin"):
            url = document.metadata.get(name)
            if isinstance(url, str) and (address := normalized_url(url)):
                return address
        return None


class _KeyCollector(Collector):
    """Writes the digest of the key of each document."""

    def __init__(self, matcher: SameKey, writer: TaskWriter) -> None:
        super().__init__()
        self._digest_of = matcher.digest_of
        self._file = self.stack.enter_context(matcher.column.open(writer))

    def add(self, document: Document) -> None:
        """Write the digest of a document's key."""
        self._file.add(self._digest_of(document))


@dataclass(frozen=True)
class _FindRepeats:
    """The task that finds the repeats in one partition of the digests."""

    matcher: SameKey
    documents: DocumentTable
    previous: tuple[Matcher, ...]

    def __call__(self, partition: int, writer: TaskWriter) -> None:
        """Write which documents are removed, of those whose digests are in the partition."""
        digests, number_of = self._partition(partition, writer.partial)
        group_of, groups = groups_of_equals(digests.tobytes())
        members: list[list[int]] = [[] for _ in range(groups)]
        (repeated,) = np.nonzero(group_of >= 0)
        for number, group in zip(
            number_of[repeated].tolist(), group_of[repeated].tolist(), strict=True
        ):
            members[group].append(number)
        keys, keep = self.documents.keys(number_of[repeated]), self.matcher.keep
        rows: list[tuple[int, int, float]] = []
        for group in members:
            # Documents of the index have been kept before, and come first.
            best = min(group, key=lambda n: (n >= self.documents.first, sort_key(keep, keys[n]), n))
            rows += [(number, best, 1.0) for number in group if number != best]
        with writer.scratch_file(scratch(self.matcher.reason, writer.number)) as path:
            write_removals(path, rows)

    def _partition(self, partition: int, partial: Path) -> tuple[NDArray[np.uint64], Numbers]:
        """Return the digests of a partition, without those of removed documents; the documents."""
        column, partitions = self.matcher.column, np.uint64(self.matcher.partitions)
        tables = [table for _, table in tables_of(self.previous, partial)]
        digests, numbers = [np.empty((0, column.width), np.uint64)], [np.empty(0, np.int64)]
        borders = pairwise(self.documents.starts.tolist())
        for part, (start, stop) in zip(self.documents.parts, borders, strict=True):
            found = column.read(part).reshape(-1, column.width)
            eligible = np.any(found, axis=1) & (found[:, 0] % partitions == partition)
            (selected,) = np.nonzero(eligible)
            selected = np.setdiff1d(
                selected, removed_in(tables, start, stop) - start, assume_unique=True
            )
            digests.append(found[selected])
            numbers.append(selected + start)
        return np.concatenate(digests), np.concatenate(numbers)


def groups_of_equals(digests: bytes | bytearray) -> tuple[NDArray[np.int64], int]:
    """Give each group of equal digests a number; the digests are concatenated.

    Returns the group of each digest, -1 for one that occurs once, and the number of groups.

    >>> groups_of_equals(b"a" * 16 + b"b" * 16 + b"a" * 16)
    (array([ 0, -1,  0]), 1)
    """
    halves = np.frombuffer(digests, dtype=np.uint64).reshape(-1, 2)
    order = np.lexsort((halves[:, 1], halves[:, 0]))
    ordered = halves[order]
    same = np.all(ordered[1:] == ordered[:-1], axis=1)
    new = np.concatenate([[True], ~same])[: len(ordered)]
    in_group = np.zeros(len(ordered), dtype=bool)
    in_group[:-1] |= same
    in_group[1:] |= same
    number = np.cumsum(new & in_group) - 1
    group_of = np.full(len(ordered), -1, dtype=np.int64)
    group_of[order[in_group]] = number[in_group]
    return group_of, int(number[-1]) + 1 if len(number) else 0
