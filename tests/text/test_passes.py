from pathlib import Path

from lmkit.artifacts.documents import Document
from lmkit.artifacts.folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter
from lmkit.stages.dedup import DedupConfig
from lmkit.text.keeping import Keep
from lmkit.text.notes import Notes, noting_names
from lmkit.text.passes import Pass, tables_of


def test_a_pass_that_says_nothing_changes_nothing(tmp_path: Path) -> None:
    writer, each = TaskWriter(tmp_path, "notes", 0), Pass()
    document = Document("1", "text", "s")
    with noting_names(Keep(), writer) as name, each.noting(writer) as note:
        name(document, Path("x"))
        note(document)
    notes = Notes(((writer.partial, 0),))
    each.match(OutputFolder(DedupConfig(output=tmp_path), tmp_path, []), notes, 1, [])
    with each.changing(writer, notes) as change:
        assert change(0, document) == document
    assert tables_of([each], writer.partial) == []
