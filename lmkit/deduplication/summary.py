"""What dedup has found, as its manifest records it, and as sections to print.

Choice: it reads no more than the manifest holds, and needs no numpy.
"""

from typing import Any

from pydantic import Field

from lmkit.artifacts.manifest import Details
from lmkit.execution.tables import limited_rows

Sections = dict[str, Any]
SHOWN_PAIRS = 10
SHOWN_SIZES = 10


class LargestCluster(Details):
    """One of the largest clusters: its size, and the document that is kept."""

    documents: int
    source: str
    id: str


class DuplicatesOf(Details):
    """How many documents of a source are duplicates of documents of another, and why."""

    reason: str
    source: str
    of: str
    documents: int
    more: int = 0
    """How many rows this one adds up; only the last one may."""


class Named(Details):
    """A document."""

    source: str
    id: str


class NearDuplicate(Details):
    """An example of a near-duplicate, and of the document that is kept for it."""

    similarity: float
    kept: Named = Field(alias="stays")
    like: Named
    its_text: str
    text: str


class FoundItems(Details):
    """What was found of a test set."""

    set: str
    items: int
    too_short: int
    found: int
    documents: int
    share: float


class ComparedWith(Details):
    """How many documents the crawl index held, and how many were added."""

    documents: int
    added: int


class DedupRecord(Details):
    """The details of a deduplicated folder."""

    clusters: dict[str, int] = Field(default_factory=dict)
    """The number of clusters by their size."""
    largest_clusters: tuple[LargestCluster, ...] = ()
    duplicates: tuple[DuplicatesOf, ...] = ()
    examples: tuple[NearDuplicate, ...] = ()
    test_sets: tuple[FoundItems, ...] = ()
    index: ComparedWith | None = None


def summary_sections(record: DedupRecord, max_examples: int | None = None) -> Sections:
    """Return sections of tables.

    >>> summary_sections(DedupRecord(clusters={"2": 5, "11": 1}))["clusters"]
    [{'documents': 2, 'clusters': 5}, {'documents': 11, 'clusters': 1}]
    """
    sizes = [{"documents": int(size), "clusters": count} for size, count in record.clusters.items()]
    pairs = limited_rows([row.recorded() for row in record.duplicates], SHOWN_PAIRS)
    return {
        "clusters": sizes[:SHOWN_SIZES],
        "largest_clusters": [row.recorded() for row in record.largest_clusters],
        "duplicates": [{key: pair[key] for key in pair if key != "more"} for pair in pairs],
        "nearly_the_same": [row.recorded() for row in record.examples[:max_examples]],
    }
