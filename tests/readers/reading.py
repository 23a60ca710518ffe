"""Reading of files in the tests of readers: through the same function as in every stage."""

from collections import Counter
from pathlib import Path
from typing import Any

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import find_documents, make_tasks
from lmkit.artifacts.options import RANGE_BYTES
from lmkit.readers.dispatch import read_slice
from lmkit.readers.options import ReaderConfig
from lmkit.storage.registry import NAMES


def outcomes(
    path: Path,
    *,
    counts: Counter[str] | None = None,
    forced: Any = None,
    max_record: int = 1_000_000,
    text_field: str = "text",
    text_template: str | None = None,
    shard_bytes: int = RANGE_BYTES,
    **reading: Any,
) -> list[Document | Unreadable]:
    found = find_documents([path], formats=NAMES, forced=forced)
    return [
        outcome
        for task in make_tasks(found.slices, shard_bytes)
        for part in task
        for outcome in read_slice(
            part,
            [],
            text_field=text_field,
            text_template=text_template,
            max_record=max_record,
            reading=ReaderConfig(**reading),
            counts=counts,
        )
    ]


def documents(path: Path, **options: Any) -> list[Document]:
    found = outcomes(path, **options)
    bad = [outcome for outcome in found if isinstance(outcome, Unreadable)]
    assert not bad
    return [outcome for outcome in found if isinstance(outcome, Document)]


def documents_and_counts(path: Path, **options: Any) -> tuple[list[Document], Counter[str]]:
    """Return the documents of a file, and what its reader counted besides."""
    counts: Counter[str] = Counter()
    return documents(path, counts=counts, **options), counts


def texts_and_reasons(found: list[Document | Unreadable]) -> list[str]:
    """Return the texts of documents, and the reasons of the others, in order."""
    return [
        outcome.text if isinstance(outcome, Document) else f"! {outcome.reason}"
        for outcome in found
    ]
