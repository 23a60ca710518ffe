from pathlib import Path

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter
from lmkit.commands.dedup.options import DedupConfig
from lmkit.deduplication.document_table import DocumentTable, writing_document_keys
from lmkit.deduplication.matcher import Matcher, tables_of
from lmkit.deduplication.options import KeepConfig


def test_a_pass_that_says_nothing_changes_nothing(tmp_path: Path) -> None:
    writer, each = TaskWriter(tmp_path, "notes", 0), Matcher()
    document = Document("1", "text", "s")
    with writing_document_keys(KeepConfig(), writer) as name, each.collect(writer) as add:
        name(document, Path("x"))
        add(document)
    table = DocumentTable(((writer.partial, 0),))
    each.match(OutputFolder(DedupConfig(output=tmp_path), tmp_path, []), table, 1, [])
    with each.transform(writer, table) as change:
        assert change(0, document) == document
    assert tables_of([each], writer.partial) == []
