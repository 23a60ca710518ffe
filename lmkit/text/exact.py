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
from typing import TYPE_CHECKING

from lmkit.artifacts.documents import Document
from lmkit.artifacts.folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter
from lmkit.text.addresses import normal_address
from lmkit.text.digest import SIZE, digest, normal_form
from lmkit.text.keeping import Keep
from lmkit.text.passes import Note, Pass, scratch, tables_of

if TYPE_CHECKING:
    from lmkit.text.gone import Gone
    from lmkit.text.notes import Notes

MATCHED = 1 << 26
"""Documents that are matched at a time."""

NO_KEY = bytes(SIZE)


class Same(Pass):
    """Of documents that share a key, keep one."""

    kind: str
    """What the notes of it are called."""

    def __init__(self, keep: Keep) -> None:
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
        self, folder: OutputFolder, notes: "Notes", workers: int, before: Sequence[Pass]
    ) -> None:
        """Find the digests that occur more than once."""
        self.shares = max(1, -(-int(notes.starts[-1]) // MATCHED))
        work = partial(_find_repeats, self.reason, self.kind, self.keep, notes, before, self.shares)
        folder.run(self.reason, work, range(self.shares), workers=workers, label="matching")

    def gone(self, partial: Path) -> "Gone":
        """Return which documents go."""
        from lmkit.text.gone import Gone

        return Gone([partial / scratch(self.reason, share) for share in range(self.shares)])


class Exact(Same):
    """Of documents that have the same text, keep one."""

    reason = "exact"
    kind = "digests"

    def key(self, document: Document) -> str:
        """Return the text in its normal form."""
        return normal_form(document.text)


class SameAddress(Same):
    """Of documents that have the same address, keep one."""

    reason = "url"
    kind = "addresses"

    def key(self, document: Document) -> str | None:
        """Return the address in its normal form."""
        for name in ("url", "origin"):
            url = document.metadata.get(name)
            if isinstance(url, str) and (address := normal_address(url)):
                return address
        return None


def _find_repeats(
    reason: str,
    kind: str,
    keep: Keep,
    notes: "Notes",
    before: Sequence[Pass],
    shares: int,
    share: int,
    writer: TaskWriter,
) -> None:
    """Write which documents go, of those whose digests make up a share."""
    import numpy as np  # which no --help should wait for

    from lmkit.text.gone import numbers_of, write_gone
    from lmkit.text.repeats import groups_of_equals

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
        best = min(group, key=lambda n: (n >= notes.first, keep.rank(names[n]), n))
        rows += [(number, best, 1.0) for number in group if number != best]
    with writer.scratch_file(scratch(reason, writer.number)) as path:
        write_gone(path, rows)
