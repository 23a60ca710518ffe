"""The passes that find documents of the same text, and of the same address.

Choices:
- Texts are the same if they differ only in letter case, white space or Unicode form.
- Addresses are the same if `lmkit.text.addresses` writes them alike: `metadata.url`, else an origin
  that is one. A document without an address is no other's copy.
- Digests are matched by sorting: that takes some 60 bytes a document, and where there are more than
  64 million, they are done in shares, by their first bytes. Beside that, there are the names of
  those in the share that occur more than once.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter, scratch
from lmkit.deduplication.document_table import DocumentTable
from lmkit.deduplication.keep_policy import sort_key
from lmkit.deduplication.matcher import Matcher, Note, tables_of
from lmkit.deduplication.options import KeepConfig
from lmkit.deduplication.removal_table import Removals, numbers_of, write_removals
from lmkit.text.digests import SIZE, digest, normal_form
from lmkit.text.url_normalization import normalized_url

MATCHED = 1 << 26
"""Documents that are matched at a time."""

NO_KEY = bytes(SIZE)


class Same(Matcher):
    """Of documents that share a key, keep one."""

    kind: str
    """What the notes of it are called."""

    def __init__(self, keep: KeepConfig) -> None:
        self.keep = keep
        self.shares = 1

    def key(self, document: Document) -> str | None:
        """Return what must be equal; documents without it are never copies."""
        raise NotImplementedError

    @contextmanager
    def noting(self, writer: TaskWriter) -> Generator[Note]:
        """Note 16 bytes a document."""
        digests = bytearray()

        def note(document: Document) -> None:
            key = self.key(document)
            digests.extend(NO_KEY if key is None else digest(key))

        with writer.scratch_file(scratch(self.kind, writer.number)) as path:
            yield note
            path.write_bytes(digests)

    def match(
        self, folder: OutputFolder, notes: "DocumentTable", workers: int, before: Sequence[Matcher]
    ) -> None:
        """Find the digests that occur more than once."""
        self.shares = max(1, -(-int(notes.starts[-1]) // MATCHED))
        work = partial(_find_repeats, self.reason, self.kind, self.keep, notes, before, self.shares)
        folder.run(self.reason, work, range(self.shares), workers=workers, label="matching")

    def gone(self, partial: Path) -> "Removals":
        """Return which documents go."""
        return Removals([partial / scratch(self.reason, share) for share in range(self.shares)])


class Exact(Same):
    """Of documents that have the same text, keep one."""

    reason = "exact"
    kind = "digests"

    def key(self, document: Document) -> str:
        """Return the text in its normal form."""
        return normal_form(document.text)


class SameUrl(Same):
    """Of documents that have the same address, keep one."""

    reason = "url"
    kind = "addresses"

    def key(self, document: Document) -> str | None:
        """Return the address in its normal form."""
        for name in ("url", "origin"):
            url = document.metadata.get(name)
            if isinstance(url, str) and (address := normalized_url(url)):
                return address
        return None


def _find_repeats(
    reason: str,
    kind: str,
    keep: KeepConfig,
    notes: "DocumentTable",
    before: Sequence[Matcher],
    shares: int,
    share: int,
    writer: TaskWriter,
) -> None:
    """Write which documents go, of those whose digests make up a share."""
    tables = [table for _, table in tables_of(before, writer.partial)]
    digests, numbers = [np.empty((0, 2), np.uint64)], [np.empty(0, np.int64)]
    for part, (start, stop) in enumerate(pairwise(notes.starts.tolist())):
        found = np.fromfile(notes.path(kind, part), np.uint64).reshape(-1, SIZE // 8)
        wanted = np.any(found, axis=1) & (found[:, 0] % np.uint64(shares) == share)
        (mine,) = np.nonzero(wanted)
        mine = np.setdiff1d(mine, numbers_of(tables, start, stop) - start, assume_unique=True)
        digests.append(found[mine])
        numbers.append(mine + start)
    group_of, groups = groups_of_equals(np.concatenate(digests).tobytes())
    number_of = np.concatenate(numbers)
    members: list[list[int]] = [[] for _ in range(groups)]
    (repeated,) = np.nonzero(group_of >= 0)
    for number, group in zip(
        number_of[repeated].tolist(), group_of[repeated].tolist(), strict=True
    ):
        members[group].append(number)
    names = notes.names(number_of[repeated])
    rows: list[tuple[int, int, float]] = []
    for group in members:
        # What an index holds has been kept before, and comes first.
        best = min(group, key=lambda n: (n >= notes.first, sort_key(keep, names[n]), n))
        rows += [(number, best, 1.0) for number in group if number != best]
    with writer.scratch_file(scratch(reason, writer.number)) as path:
        write_removals(path, rows)


def groups_of_equals(digests: bytes | bytearray) -> tuple[NDArray[np.int64], int]:
    """Give a number to the digests, laid end to end, that occur more than once.

    Returns the number of each digest's group, -1 for one that stands alone, and how many groups
    there are.

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
