from pathlib import Path

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.tasks import TaskWriter
from lmkit.deduplication.document_table import DocumentKeysFile, DocumentTable
from lmkit.deduplication.duplicates_file import Duplicate, write_duplicates
from lmkit.deduplication.examples import ExampleCollector
from lmkit.deduplication.options import KeepConfig
from tests.conftest import records


def written(folder: Path, duplicates: list[Duplicate]) -> TaskWriter:
    """Write duplicates of the one document that is kept."""
    with DocumentKeysFile(KeepConfig(), TaskWriter(folder, "notes", 0)) as keys:
        keys.add(Document("1", "text", "web", {"origin": "a.jsonl", "offset": 9}), Path("a.jsonl"))
    writer, examples = TaskWriter(folder, "documents", 0), ExampleCollector([])
    write_duplicates(duplicates, DocumentTable(((writer.partial, 0),)), examples, writer)
    examples.write_facts(writer)
    return writer


def test_a_line_tells_where_both_documents_were_read(tmp_path: Path) -> None:
    near = Duplicate("2", "web", "near", 0, 0.1234567, {"origin": "b.jsonl", "offset": 3})
    writer = written(tmp_path, [near, Duplicate("1", "web", "exact", 0, 1.0, {})])
    kept = {"source": "web", "id": "1", "origin": "a.jsonl", "offset": 9}
    assert records(tmp_path, "duplicates") == [
        {
            **{"id": "2", "source": "web", "origin": "b.jsonl", "offset": 3, "kept": kept},
            **{"reason": "near", "similarity": 0.123457},
        },
        {"id": "1", "source": "web", "kept": kept, "reason": "exact", "similarity": 1.0},
    ]
    assert writer.facts["same_ids"] == 1
    assert writer.facts["pairs"] == [["exact", "web", "web", 1], ["near", "web", "web", 1]]


def test_without_duplicates_there_is_no_file(tmp_path: Path) -> None:
    assert written(tmp_path, []).facts["same_ids"] == 0
    assert not list(tmp_path.glob("duplicates*"))
