"""The matchers that find documents with the same text, and with the same URL.

Choices:
- Texts are the same if they differ only in letter case, white space, Unicode form, or in characters
  that no reader sees, such as soft hyphens.
- URLs are the same if `lmkit.text.url_normalization` normalizes them to the same string:
  `metadata.url`, else an origin that is a URL. A document without a URL is never a duplicate.
- Digests are sorted in runs, and matched in partitions of a million documents: each reads its range
  of every run. In memory are its digests, some 60 bytes each, and of the document keys, which take
  more, the best of each group and a batch of the others.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.sorted_runs import Runs, partitions_of
from lmkit.artifacts.tasks import TaskWriter, scratch
from lmkit.deduplication.columns import Rows
from lmkit.deduplication.document_table import DocumentTable, Numbers
from lmkit.deduplication.keep_policy import sort_key
from lmkit.deduplication.matcher import Collector, Matcher, tables_of
from lmkit.deduplication.options import KeepConfig, MatchOptions
from lmkit.deduplication.removal_table import ROW, Removals, removed_in, write_removal_rows
from lmkit.text.digests import SIZE, digest, normal_form, normal_form_digest
from lmkit.text.url_normalization import normalized_url

MATCHED = 1 << 20
"""Documents that are matched at a time."""
KEYS_AT_ONCE = 1 << 16
"""Document keys that are read at a time."""

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
        self.partitions = partitions_of(int(documents.starts[-1]), MATCHED)
        kind = f"{self.reason}-runs"
        runs = Runs(documents, kind, self.column.width, 1, self.partitions)
        sort = _SortDigests(self.column, runs, tuple(previous))
        folder.run(kind, sort, runs.parts, workers=workers, label="sorting digests")
        find = _FindRepeats(self.keep, self.reason, runs)
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
class _SortDigests:
    """The task that sorts the digests of a run."""

    column: Rows
    runs: Runs
    previous: tuple[Matcher, ...]

    def __call__(self, parts: tuple[int, int], writer: TaskWriter) -> None:
        """Write the digests of all documents that have one, without those that are removed."""
        documents, column = self.runs.documents, self.column
        tables = [table for _, table in tables_of(self.previous, writer.partial)]
        digests, numbers = [np.empty((0, column.width), np.uint64)], [np.empty(0, np.int64)]
        for part in range(*parts):
            start, stop = documents.starts[part : part + 2].tolist()
            found = column.read(documents.parts[part]).reshape(-1, column.width)
            eligible = np.any(found, axis=1)
            eligible[removed_in(tables, start, stop) - start] = False
            digests.append(found[eligible])
            numbers.append(np.nonzero(eligible)[0] + start)
        self.runs.write(writer, np.concatenate(numbers), [list(np.concatenate(digests).T)])


@dataclass(frozen=True)
class _FindRepeats:
    """The task that finds the repeats in one partition of the digests."""

    keep: KeepConfig
    reason: str
    runs: Runs

    def __call__(self, partition: int, writer: TaskWriter) -> None:
        """Write which documents are removed, of those whose digests are in the partition."""
        digests, number_of = self.runs.read(writer.partial, 0, partition)
        group_of, groups = groups_of_equals(np.stack(digests, axis=1))
        (repeated,) = np.nonzero(group_of >= 0)
        repeated = repeated[np.argsort(number_of[repeated])]
        numbers, group_of = number_of[repeated], group_of[repeated]
        best = self._best(numbers, group_of, groups)[group_of]
        removed = numbers != best
        rows = np.ones(int(removed.sum()), ROW)
        rows["number"], rows["kept"] = numbers[removed], best[removed]
        with writer.scratch_file(scratch(self.reason, writer.number)) as path:
            write_removal_rows(path, rows)

    def _best(self, numbers: Numbers, group_of: Numbers, groups: int) -> Numbers:
        """Return the document of each group that is kept; `numbers` are sorted."""
        documents = self.runs.documents
        best: list[tuple[Any, ...] | None] = [None] * groups
        for start in range(0, len(numbers), KEYS_AT_ONCE):
            some = numbers[start : start + KEYS_AT_ONCE]
            keys = documents.keys(some)
            of = group_of[start : start + KEYS_AT_ONCE].tolist()
            for number, group in zip(some.tolist(), of, strict=True):
                # Documents of the index have been kept before, and come first.
                rank = (number >= documents.first, sort_key(self.keep, keys[number]), number)
                current = best[group]
                if current is None or rank < current:
                    best[group] = rank
        return np.array([rank[-1] for rank in best if rank], np.int64)


def groups_of_equals(digests: NDArray[np.uint64]) -> tuple[NDArray[np.int64], int]:
    """Give each group of equal digests a number; each digest is a row of two numbers.

    Returns the group of each digest, -1 for one that occurs once, and the number of groups.

    >>> groups_of_equals(np.array([[1, 2], [1, 3], [1, 2]], np.uint64))
    (array([ 0, -1,  0]), 1)
    """
    order = np.lexsort((digests[:, 1], digests[:, 0]))
    ordered = digests[order]
    same = np.all(ordered[1:] == ordered[:-1], axis=1)
    new = np.concatenate([[True], ~same])[: len(ordered)]
    in_group = np.zeros(len(ordered), dtype=bool)
    in_group[:-1] |= same
    in_group[1:] |= same
    number = np.cumsum(new & in_group) - 1
    group_of = np.full(len(ordered), -1, dtype=np.int64)
    group_of[order[in_group]] = number[in_group]
    return group_of, int(number[-1]) + 1 if len(number) else 0
