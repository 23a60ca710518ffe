from collections.abc import Iterator
from pathlib import Path

import pytest

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import ReadRange, TaskWriter
from lmkit.commands.dedup.options import DedupConfig
from lmkit.deduplication.document_table import DocumentTable
from lmkit.deduplication.exact import Exact
from lmkit.deduplication.options import KeepConfig
from lmkit.deduplication.readings import CollectDocuments, Read, WriteDocuments
from lmkit.errors import LmkitError
from tests.conftest import records

SLICES = (Slice(0, "a.jsonl", "web", "a.jsonl", "jsonl", "none", 0, 9, 9, 0),)
FOUND = [
    Document("2", "The  cat", "web"),
    Unreadable("web", "a.jsonl", 9, 1, "no text"),
    Document("1", "the cat", "web"),
    Document("3", "a dog", "web"),
]


def reading(found: list[Document | Unreadable]) -> Read:
    def read(part: Slice, ranges: list[ReadRange]) -> Iterator[Document | Unreadable]:
        assert part == SLICES[0] and ranges == []
        yield from found

    return read


def matched(folder: Path) -> tuple[Exact, DocumentTable]:
    exact, writer = Exact(KeepConfig()), TaskWriter(folder, "notes", 0)
    CollectDocuments(reading(FOUND), KeepConfig(), [exact])(SLICES, writer)
    table = DocumentTable(((writer.partial, 0),))
    exact.match(OutputFolder(DedupConfig(output=folder), folder, []), table, 1, [])
    return exact, table


def test_the_second_reading_writes_what_is_kept_and_lists_the_rest(tmp_path: Path) -> None:
    exact, table = matched(tmp_path)
    writer = TaskWriter(tmp_path, "documents", 0)
    WriteDocuments(reading(FOUND), [exact], table, [(0, 1, 0.9)])(SLICES, writer)
    assert [record["id"] for record in records(tmp_path)] == ["1", "3"]
    assert [(r["id"], r["kept"]["id"]) for r in records(tmp_path, "duplicates")] == [("2", "1")]
    assert len(records(tmp_path, "quarantine")) == 1
    counts = writer.counts
    assert (counts.documents_in, counts.documents_out, counts.quarantined) == (4, 2, 1)
    assert counts.dropped == {"exact_duplicate": 1}
    assert writer.facts["texts"] == {"0": ("web", "2", "The  cat"), "1": ("web", "1", "the cat")}


def test_other_documents_in_the_second_reading_are_an_error(tmp_path: Path) -> None:
    exact, table = matched(tmp_path)
    write = WriteDocuments(reading(FOUND[:-1]), [exact], table, [])
    with pytest.raises(LmkitError, match=r"a\.jsonl: it changed while it was read"):
        write(SLICES, TaskWriter(tmp_path, "documents", 0))
