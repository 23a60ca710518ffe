from pathlib import Path

from lmkit.artifacts.documents_file import Document, Rejected
from lmkit.artifacts.tasks import TaskWriter
from lmkit.deduplication.cut_spans import Cut, CutDocuments
from lmkit.deduplication.document_table import DocumentKeysFile, DocumentTable
from lmkit.deduplication.options import KeepConfig
from tests.conftest import records

DOCUMENTS = [
    Document("1", "one two three", "s"),
    Document("2", "four", "s"),
    Document("3", "x", "t"),
]
CUTS = {0: [Cut(4, 8, "line", 2), Cut(0, 5, "passage", None)], 1: [Cut(0, 4, "line", 0)]}


def test_cuts_are_applied_recorded_and_counted(tmp_path: Path) -> None:
    with DocumentKeysFile(KeepConfig(), TaskWriter(tmp_path, "notes", 0)) as keys:
        for document in DOCUMENTS:
            keys.add(document, Path("x"))
    writer = TaskWriter(tmp_path, "documents", 0)
    table = DocumentTable(((writer.partial, 0),))
    cutters = [
        lambda number, _: CUTS.get(number, ())[:1],
        lambda number, _: CUTS.get(number, ())[1:],
    ]
    with CutDocuments(cutters, writer, table) as cutting:
        left = [cutting.apply(number, document) for number, document in enumerate(DOCUMENTS)]
    assert left[0] == Document("1", "three", "s")
    assert isinstance(left[1], Rejected) and left[1].reason == "nothing_left"
    assert left[2] == DOCUMENTS[2]
    common = {"id": "1", "source": "s"}
    assert records(tmp_path, "cuts") == [
        {**common, "reason": "passage", "start": 0, "stop": 5, "text": "one t"},
        {
            **common,
            **{"reason": "line", "start": 4, "stop": 8, "text": "two "},
            "kept": {"source": "t", "id": "3"},
        },
        {
            **{"id": "2", "source": "s", "reason": "line", "start": 0, "stop": 4, "text": "four"},
            "kept": {"source": "s", "id": "1"},
        },
    ]
    assert writer.counts.more == {
        **{"lines_cut": 2, "passages_cut": 1, "documents_cut": 2, "characters_cut": 12},
    }


def test_without_cuts_there_is_no_file(tmp_path: Path) -> None:
    writer = TaskWriter(tmp_path, "documents", 0)
    with DocumentKeysFile(KeepConfig(), TaskWriter(tmp_path, "notes", 0)):
        pass
    with CutDocuments([], writer, DocumentTable(((writer.partial, 0),))) as cutting:
        assert cutting.apply(0, DOCUMENTS[0]) == DOCUMENTS[0]
    assert not list(tmp_path.glob("cuts*")) and writer.counts.more == {}
