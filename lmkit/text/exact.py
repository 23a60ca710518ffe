"""The passes that find documents of the same text, and of the same address.

Choices:
- Texts are the same if they differ only in letter case, white space or Unicode form.
- Addresses are the same if `lmkit.text.addresses` writes them alike: `metadata.url`, else an origin
  that is one. A document without an address is no other's copy.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial
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

NO_KEY = bytes(SIZE)


class Same(Pass):
    """Of documents that share a key, keep one."""

    def __init__(self, keep: Keep) -> None:
        self.keep = keep

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

        with writer.scratch_file(scratch(f"{self.reason}-digests", writer.number)) as path:
            yield note
            path.write_bytes(digests)

    def match(self, folder: OutputFolder, tasks: int, workers: int, before: Sequence[Pass]) -> None:
        """Find the digests that occur more than once."""
        del workers
        work = partial(_find_repeats, self.reason, self.keep, before)
        folder.run(self.reason, work, [tasks], label="matching")

    def gone(self, partial: Path) -> "Gone":
        """Return which documents go."""
        from lmkit.text.gone import Gone

        return Gone([partial / scratch(self.reason, 0)])


class Exact(Same):
    """Of documents that have the same text, keep one."""

    reason = "exact"

    def key(self, document: Document) -> str:
        """Return the text in its normal form."""
        return normal_form(document.text)


class SameAddress(Same):
    """Of documents that have the same address, keep one."""

    reason = "url"

    def key(self, document: Document) -> str | None:
        """Return the address in its normal form."""
        for name in ("url", "origin"):
            url = document.metadata.get(name)
            if isinstance(url, str) and (address := normal_address(url)):
                return address
        return None


def _find_repeats(
    reason: str, keep: Keep, before: Sequence[Pass], tasks: int, writer: TaskWriter
) -> None:
    import numpy as np  # which no --help should wait for

    from lmkit.text.gone import numbers_of, write_gone
    from lmkit.text.names import Names
    from lmkit.text.repeats import groups_of_equals

    files = [writer.partial / scratch(f"{reason}-digests", task) for task in range(tasks)]
    digests = b"".join(file.read_bytes() for file in files)
    group_of, groups = groups_of_equals(digests)
    group_of[~np.frombuffer(digests, np.uint64).reshape(-1, 2).any(axis=1)] = -1
    left_out = [table for _, table in tables_of(before, writer.partial)]
    group_of[numbers_of(left_out, 0, len(group_of))] = -1
    members: list[list[int]] = [[] for _ in range(groups)]
    (numbers,) = np.nonzero(group_of >= 0)
    for number, group in zip(numbers.tolist(), group_of[numbers].tolist(), strict=True):
        members[group].append(number)
    names = Names(writer.partial, tasks).of(numbers)
    rows: list[tuple[int, int, float]] = []
    for group in filter(None, members):
        best = min(group, key=lambda number: (keep.rank(names[number]), number))
        rows += [(number, best, 1.0) for number in group if number != best]
    with writer.scratch_file(scratch(reason, writer.number)) as path:
        write_gone(path, rows)
