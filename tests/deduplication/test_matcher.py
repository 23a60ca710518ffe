from collections.abc import Sequence
from pathlib import Path
from typing import Self

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter
from lmkit.commands.dedup.options import DedupConfig
from lmkit.deduplication.document_table import DocumentTable
from lmkit.deduplication.matcher import Matcher, tables_of
from lmkit.deduplication.options import MatchOptions


class FindsNothing(Matcher):
    """What a matcher must define, and no more."""

    reason = "nothing"

    @classmethod
    def of(cls, options: MatchOptions) -> Self:
        del options
        return cls()

    def match(
        self,
        folder: OutputFolder,
        documents: DocumentTable,
        workers: int,
        previous: Sequence[Matcher],
    ) -> None:
        pass


def test_a_matcher_that_defines_no_more_than_it_must_changes_nothing(tmp_path: Path) -> None:
    writer, each = TaskWriter(tmp_path, "notes", 0), FindsNothing.of(MatchOptions())
    with each.collect(writer) as file:
        file.add(Document("1", "text", "s"))
    table = DocumentTable(((writer.partial, 0),))
    output = OutputFolder(DedupConfig(output=tmp_path), tmp_path, [])
    each.prepare(output, ())
    assert each.inputs() is None and each.columns == () and each.summarize(output) == {}
    assert each.spans_to_cut(writer, table) is None and each.transform(writer, table) is None
    assert each.duplicates(writer.partial) is None
    assert tables_of([each], writer.partial) == []
    assert not writer.partial.exists()
