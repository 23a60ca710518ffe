"""The pass that finds documents that are nearly the same.

Choices:
- Documents are nearly the same if enough of their shingles are; MinHash only proposes pairs.
- Each that goes is that like the one kept for it, not only like a neighbour of it.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from lmkit.artifacts.documents import Document
from lmkit.artifacts.folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter
from lmkit.config import Group
from lmkit.text.digest import digest
from lmkit.text.keeping import Keep, Name
from lmkit.text.passes import Change, Note, Pass, scratch, tables_of

if TYPE_CHECKING:
    from lmkit.text.gone import Gone
    from lmkit.text.names import Names


class Near(Group):
    """What to do with documents that are nearly the same."""

    action: Literal["drop", "mark"] | None = "drop"
    """Drop all but one, or mark them as a cluster in `metadata.cluster`; with none, don't look."""

    min_similarity: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Least share of five-word shingles that two documents must have in common (Jaccard)."""

    bands: Annotated[int, Field(ge=1, le=1000)] = 14
    """Bands of MinHash: more of them find more pairs that are less alike."""

    rows: Annotated[int, Field(ge=1, le=100)] = 8
    """Rows of a band: more of them propose fewer pairs that are less alike."""


class NearlyTheSame(Pass):
    """Of documents that are nearly the same, keep one, or mark them."""

    reason = "near"

    def __init__(self, near: Near, keep: Keep) -> None:
        self.near = near
        self.keep = keep

    @contextmanager
    def noting(self, writer: TaskWriter) -> Generator[Note]:
        """Note the shingles and their signature."""
        from lmkit.text.minhash import Bands
        from lmkit.text.signatures import writing_signatures

        with writing_signatures(writer, Bands(self.near.bands, self.near.rows)) as note:
            yield lambda document: note(document.text)

    def match(self, folder: OutputFolder, tasks: int, workers: int, before: Sequence[Pass]) -> None:
        """Match the bands one by one, then verify what they propose."""
        bands = range(self.near.bands)
        work = partial(_match_band, tasks, before)
        folder.run("bands", work, bands, workers=workers, label="matching bands")
        folder.run("near", partial(_verify, self.near, self.keep), [tasks], label="verifying")

    def gone(self, partial: Path) -> "Gone | None":
        """Return which documents go."""
        return None if self.near.action == "mark" else _found(partial)

    @contextmanager
    def changing(self, writer: TaskWriter, names: "Names") -> Generator[Change]:
        """Mark a document with its cluster."""
        found = _found(writer.partial) if self.near.action == "mark" else None

        def mark(number: int, document: Document) -> Document:
            row = found.get(number) if found else None
            if not row:
                return document
            metadata = {**document.metadata, "cluster": cluster_name(names[row[0]])}
            return replace(document, metadata=metadata)

        yield mark


def cluster_name(name: Name) -> str:
    """Name a cluster after the document that stays for it, wherever that lies."""
    return digest("\n".join((name.source, name.id, name.text))).hex()


def _found(partial: Path) -> "Gone":
    from lmkit.text.gone import Gone

    return Gone([partial / scratch("near", 0)])


def _match_band(tasks: int, before: Sequence[Pass], band: int, writer: TaskWriter) -> None:
    from lmkit.text.signatures import write_mates

    gone = [table for _, table in tables_of(before, writer.partial)]
    write_mates(tasks, gone, band, writer)


def _verify(near: Near, keep: Keep, tasks: int, writer: TaskWriter) -> None:
    """Write which documents are nearly the same as one that stays."""
    from lmkit.text.clusters import stars
    from lmkit.text.gone import write_gone
    from lmkit.text.names import Names
    from lmkit.text.signatures import Signatures, buckets

    signatures = Signatures(writer.partial, tasks)
    buckets_of = buckets(writer.partial, near.bands)
    names = Names(writer.partial, tasks).of(list(buckets_of))
    best_first = sorted(names, key=lambda number: (keep.rank(names[number]), number))
    found = stars(best_first, buckets_of.__getitem__, signatures.similarity, near.min_similarity)
    rows = [(number, kept, alike) for number, (kept, alike) in found.items()]
    if near.action == "mark":  # the one that would stay is marked, too
        rows += [(kept, kept, 1.0) for kept in {kept for _, kept, _ in rows}]
    with writer.scratch_file(scratch("near", writer.number)) as path:
        write_gone(path, rows)
