"""The pass that finds documents of the same text.

Choice: texts are the same if they differ only in letter case, white space or Unicode form.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lmkit.artifacts.documents import Document
from lmkit.artifacts.folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter
from lmkit.text.digest import SIZE, digest, normal_form
from lmkit.text.keeping import Keep
from lmkit.text.passes import Note, Pass, scratch

if TYPE_CHECKING:
    from lmkit.text.gone import Gone


class Exact(Pass):
    """Of documents that have the same text, keep one."""

    reason = "exact"

    def __init__(self, keep: Keep) -> None:
        self.keep = keep

    @contextmanager
    def noting(self, writer: TaskWriter) -> Generator[Note]:
        """Note 16 bytes a document."""
        digests = bytearray()

        def note(document: Document) -> None:
            digests.extend(digest(normal_form(document.text)))

        with writer.scratch_file(scratch("digests", writer.number)) as path:
            yield note
            path.write_bytes(digests)

    def match(self, folder: OutputFolder, tasks: int, workers: int, before: Sequence[Pass]) -> None:
        """Find the digests that occur more than once."""
        del workers, before
        folder.run("exact", partial(_find_repeats, self.keep), [tasks], label="matching")

    def gone(self, partial: Path) -> "Gone":
        """Return which documents go."""
        from lmkit.text.gone import Gone

        return Gone([partial / scratch(self.reason, 0)])


def _find_repeats(keep: Keep, tasks: int, writer: TaskWriter) -> None:
    import numpy as np  # which no --help should wait for

    from lmkit.text.gone import write_gone
    from lmkit.text.names import Names
    from lmkit.text.repeats import groups_of_equals

    files = [writer.partial / scratch("digests", task) for task in range(tasks)]
    group_of, groups = groups_of_equals(b"".join(file.read_bytes() for file in files))
    assert len(group_of) == sum(file.stat().st_size for file in files) // SIZE
    members: list[list[int]] = [[] for _ in range(groups)]
    (numbers,) = np.nonzero(group_of >= 0)
    for number, group in zip(numbers.tolist(), group_of[numbers].tolist(), strict=True):
        members[group].append(number)
    names = Names(writer.partial, tasks).of(numbers)
    rows: list[tuple[int, int, float]] = []
    for group in members:
        best = min(group, key=lambda number: (keep.rank(names[number]), number))
        rows += [(number, best, 1.0) for number in group if number != best]
    with writer.scratch_file(scratch("exact", writer.number)) as path:
        write_gone(path, rows)
