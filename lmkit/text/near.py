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
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import Field, model_validator

from lmkit.artifacts.documents import Document
from lmkit.artifacts.folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter
from lmkit.config import Group
from lmkit.execution.progress import say
from lmkit.text.curve import bands_and_rows, shown_curve
from lmkit.text.digest import digest, folded
from lmkit.text.keeping import Keep, Name
from lmkit.text.passes import Change, Note, Pass, scratch, tables_of

if TYPE_CHECKING:
    from lmkit.text.gone import Gone
    from lmkit.text.notes import Notes


class Near(Group):
    """What to do with documents that are nearly the same."""

    action: Literal["drop", "mark"] | None = "drop"
    """Drop all but one, or mark them as a cluster in `metadata.cluster`; with none, don't look."""

    min_similarity: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Least share of five-word shingles that two documents must have in common (Jaccard)."""

    threshold: Annotated[float | None, Field(gt=0, le=1)] = None
    """Choose all three for documents that are at least this similar: `--near.min-similarity` is
    the same, and bands and rows are those that catch 95 of 100 that are just so similar."""

    bands: Annotated[int, Field(ge=1, le=1000)] = 14
    """Bands of MinHash: more of them find more pairs that are less alike."""

    rows: Annotated[int, Field(ge=1, le=100)] = 8
    """Rows of a band: more of them propose fewer pairs that are less alike."""

    @model_validator(mode="before")
    @classmethod
    def _choose_by_threshold(cls, values: Any) -> Any:
        table = dict(cast(dict[str, Any], values)) if isinstance(values, dict) else {}
        try:
            threshold = float(table["threshold"])
        except (KeyError, TypeError, ValueError):
            return values
        if 0 < threshold <= 1:
            bands, rows = bands_and_rows(threshold)
            return {"min_similarity": threshold, "bands": bands, "rows": rows} | table
        return values

    @model_validator(mode="after")
    def _threshold_goes_alone(self) -> "Near":
        if self.threshold is not None:
            for name, wanted in zip(("bands", "rows"), bands_and_rows(self.threshold), strict=True):
                if (got := getattr(self, name)) != wanted:
                    raise ValueError(
                        f"--near.{name}: got {got}, but --near.threshold {self.threshold} chooses "
                        f"{wanted}: must be one or the other"
                    )
        return self


class NearlyTheSame(Pass):
    """Of documents that are nearly the same, keep one, or mark them."""

    reason = "near"

    def __init__(self, near: Near, keep: Keep) -> None:
        self.near = near
        self.keep = keep
        self.files = 0

    @contextmanager
    def noting(self, writer: TaskWriter) -> Generator[Note]:
        """Note the shingles and their signature."""
        from lmkit.text.minhash import Bands
        from lmkit.text.signatures import writing_signatures

        with writing_signatures(writer, Bands(self.near.bands, self.near.rows)) as note:
            yield lambda document: note(folded(document.text))

    def match(
        self, folder: OutputFolder, notes: "Notes", workers: int, before: Sequence[Pass]
    ) -> None:
        """Match the bands one by one, group what they propose, and verify the groups."""
        from lmkit.text.signatures import matching_tasks

        if self.near.threshold is not None:
            say(shown_curve(self.near.bands, self.near.rows))
        bands = matching_tasks(int(notes.starts[-1]), self.near.bands)
        match = partial(_match_band, notes, before)
        folder.run("bands", match, bands, workers=workers, label="matching bands")
        grouped = folder.run("groups", partial(_group, notes), [len(bands)], label="grouping")
        self.files = grouped[0].facts["files"]
        verify = partial(_verify, self.near, self.keep, notes)
        folder.run("near", verify, range(self.files), workers=workers, label="verifying")

    def gone(self, partial: Path) -> "Gone | None":
        """Return which documents go."""
        return None if self.near.action == "mark" else self.found(partial)

    def found(self, partial: Path) -> "Gone":
        """Return which documents are nearly the same as others."""
        from lmkit.text.gone import Gone

        return Gone([partial / scratch("near", file) for file in range(self.files)])

    @contextmanager
    def changing(self, writer: TaskWriter, notes: "Notes") -> Generator[Change]:
        """Mark a document with its cluster."""
        found = self.found(writer.partial) if self.near.action == "mark" else None

        def mark(number: int, document: Document) -> Document:
            row = found.get(number) if found else None
            if not row:
                return document
            name = notes.names([row[0]])[row[0]]
            return replace(document, metadata={**document.metadata, "cluster": cluster_name(name)})

        yield mark


def cluster_name(name: Name) -> str:
    """Name a cluster after the document that stays for it, wherever that lies."""
    return digest("\n".join((name.source, name.id, name.text))).hex()


def _match_band(
    notes: "Notes", before: Sequence[Pass], which: tuple[int, int, int], writer: TaskWriter
) -> None:
    from lmkit.text.signatures import write_mates

    gone = [table for _, table in tables_of(before, writer.partial)]
    write_mates(notes, gone, which, writer)


def _group(notes: "Notes", bands: int, writer: TaskWriter) -> None:
    from lmkit.text.signatures import write_groups

    writer.facts["files"] = write_groups(notes, bands, writer)


def _verify(near: Near, keep: Keep, notes: "Notes", file: int, writer: TaskWriter) -> None:
    """Write which documents of a file of groups are nearly the same as one that stays."""
    from lmkit.text.clusters import stars
    from lmkit.text.gone import write_gone
    from lmkit.text.signatures import Signatures, groups

    signatures = Signatures(notes)
    rows: list[tuple[int, int, float]] = []

    def rank(number: int) -> tuple[Any, ...]:
        return (number >= notes.first, keep.rank(names[number]), number)

    for keys_of in groups(writer.partial / scratch("groups", file)):
        names = notes.names(list(keys_of))
        found = stars(
            sorted(keys_of, key=rank),
            keys_of.__getitem__,
            signatures.similarity,
            near.min_similarity,
            stays=lambda number: number < notes.first,
        )
        rows += [(number, kept, alike) for number, (kept, alike) in found.items()]
    if near.action == "mark":  # the one that would stay is marked, too
        kept = {kept for _, kept, _ in rows if kept >= notes.first}
        rows += [(number, number, 1.0) for number in kept]
    with writer.scratch_file(scratch("near", writer.number)) as path:
        write_gone(path, rows)
