from pathlib import Path

import pytest

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter, finished
from lmkit.commands.dedup.options import DedupConfig
from lmkit.deduplication.decontamination import Decontaminator, prepare_items
from lmkit.deduplication.document_table import DocumentTable, writing_document_keys
from lmkit.deduplication.options import DecontaminationConfig, KeepConfig
from lmkit.deduplication.removal_table import NOBODY
from lmkit.errors import LmkitError
from tests.conftest import prose, records

ITEMS = [
    ("a", "1", ("The first item is here.", "And what else it says is this.")),
    ("a", "2", ("x", "y")),
    ("b", "1", ("Another one of six words is",)),
]
TASKS = [
    ["nothing", "It is so.\nand what ELSE it says, is this!\nEnd"],
    [],
    ["another one of six words is"],
]


def notes_of(folder: Path, tasks: int) -> DocumentTable:
    return DocumentTable(tuple((folder / ".partial", number) for number in range(tasks)))


def looked(folder: Path, action: str) -> Decontaminator:
    wanted = Decontaminator(DecontaminationConfig.model_validate({"action": action}))
    writer = TaskWriter(folder, "items", 0)
    prepare_items(ITEMS, 13, writer)
    writer.finish()
    for number, texts in enumerate(TASKS):
        writer = TaskWriter(folder, "notes", number)
        with writing_document_keys(KeepConfig(), writer) as name, wanted.noting(writer) as note:
            for index, text in enumerate(texts):
                document = Document(f"{number}{index}", text, "s")
                name(document, Path("x"))
                note(document)
    made = OutputFolder(DedupConfig(output=folder), folder, [])
    wanted.match(made, notes_of(folder, len(TASKS)), 1, [])
    return wanted


def test_what_is_found_is_counted_by_item_and_document(tmp_path: Path) -> None:
    wanted = looked(tmp_path, "drop")
    gone = wanted.gone(tmp_path / ".partial")
    assert gone and sorted(gone.numbers(0, 9)) == [1, 2]
    assert gone.get(2) == (NOBODY, 1.0)
    told = wanted.told(OutputFolder(DedupConfig(output=tmp_path), tmp_path, []))
    assert told["test_sets"] == [
        {"set": "a", "items": 2, "too_short": 1, "found": 1, "documents": 1, "share": 0.5},
        {"set": "b", "items": 1, "too_short": 0, "found": 1, "documents": 1, "share": 1.0},
    ]
    found = [(r["id"], r["set"], r["item"], r["text"]) for r in records(tmp_path, "contamination")]
    assert found == [
        ("01", "a", "1", "and what ELSE it says, is this"),
        ("20", "b", "1", "another one of six words is"),
    ]


def test_reporting_and_cutting_leave_documents(tmp_path: Path) -> None:
    for action, cuts in (("report", []), ("cut", [(10, 42)])):
        folder = tmp_path / action
        wanted = looked(folder, action)
        assert wanted.gone(folder / ".partial") is None
        names = notes_of(folder, len(TASKS))
        with wanted.cutting(TaskWriter(folder, "documents", 0), names) as cutter:
            document = Document("01", TASKS[0][1], "s")
            assert [(one.start, one.stop) for one in cutter(1, document)] == cuts
            assert not [*cutter(0, document)]


def test_many_characters_are_searched_in_parts(tmp_path: Path) -> None:
    text = prose(1, 100)[0]
    writer = TaskWriter(tmp_path, "items", 0)
    prepare_items([("a", "1", (text,))], 13, writer)
    writer.finish()
    wanted = Decontaminator(DecontaminationConfig())
    writer = TaskWriter(tmp_path, "notes", 0)
    with writing_document_keys(KeepConfig(), writer) as name, wanted.noting(writer) as note:
        for number in range(9):
            document = Document(f"{number}", "x " * 40_000 + text * (number % 4 == 0), "s")
            name(document, Path("x"))
            note(document)
    made = OutputFolder(DedupConfig(output=tmp_path), tmp_path, [])
    wanted.match(made, notes_of(tmp_path, 1), 1, [])
    gone = wanted.gone(tmp_path / ".partial")
    assert gone and sorted(gone.numbers(0, 9)) == [0, 4, 8]


def test_nothing_to_look_for_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LmkitError, match="two words and six letters"):
        prepare_items([("a", "1", ("x",))], 13, TaskWriter(tmp_path, "items", 0))
    assert finished(tmp_path, "items", 0) is None
