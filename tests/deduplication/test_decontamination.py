from pathlib import Path

import pytest

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter, finished
from lmkit.commands.dedup.options import DedupConfig
from lmkit.deduplication.decontamination import Decontaminator, prepare_items
from lmkit.deduplication.document_table import DocumentKeysFile, DocumentTable
from lmkit.deduplication.options import DecontaminationConfig, KeepConfig
from lmkit.deduplication.removal_table import NO_REPRESENTATIVE
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


def table_of(folder: Path, tasks: int) -> DocumentTable:
    return DocumentTable(tuple((folder / ".partial", number) for number in range(tasks)))


def searched(folder: Path, action: str) -> Decontaminator:
    matcher = Decontaminator(DecontaminationConfig.model_validate({"action": action}), 1 << 20)
    writer = TaskWriter(folder, "items", 0)
    prepare_items(ITEMS, 13, writer)
    writer.finish()
    for number, texts in enumerate(TASKS):
        writer = TaskWriter(folder, "notes", number)
        with DocumentKeysFile(KeepConfig(), writer) as keys, matcher.collect(writer) as file:
            for index, text in enumerate(texts):
                document = Document(f"{number}{index}", text, "s")
                keys.add(document, Path("x"))
                file.add(document)
    output = OutputFolder(DedupConfig(output=folder), folder, [])
    matcher.match(output, table_of(folder, len(TASKS)), 1, [])
    return matcher


def test_found_items_are_counted_by_item_and_document(tmp_path: Path) -> None:
    matcher = searched(tmp_path, "drop")
    removed = matcher.removed(tmp_path / ".partial")
    assert removed and sorted(removed.numbers(0, 9)) == [1, 2]
    assert removed.get(2) == (NO_REPRESENTATIVE, 1.0)
    summary = matcher.summarize(OutputFolder(DedupConfig(output=tmp_path), tmp_path, []))
    assert summary["test_sets"] == [
        {"set": "a", "items": 2, "too_short": 1, "found": 1, "documents": 1, "share": 0.5},
        {"set": "b", "items": 1, "too_short": 0, "found": 1, "documents": 1, "share": 1.0},
    ]
    found = [(r["id"], r["set"], r["item"], r["text"]) for r in records(tmp_path, "contamination")]
    assert found == [
        ("01", "a", "1", "and what ELSE it says, is this"),
        ("20", "b", "1", "another one of six words is"),
    ]


def test_reporting_and_cutting_remove_no_document(tmp_path: Path) -> None:
    for action, cuts in (("report", []), ("cut", [(10, 42)])):
        folder = tmp_path / action
        matcher = searched(folder, action)
        assert matcher.removed(folder / ".partial") is None
        table = table_of(folder, len(TASKS))
        cutter = matcher.spans_to_cut(TaskWriter(folder, "documents", 0), table)
        document = Document("01", TASKS[0][1], "s")
        found = [[*cutter(number, document)] if cutter else [] for number in range(2)]
        assert [(one.start, one.stop) for one in found[1]] == cuts
        assert not found[0]


def test_many_characters_are_searched_in_parts(tmp_path: Path) -> None:
    text = prose(1, 100)[0]
    writer = TaskWriter(tmp_path, "items", 0)
    prepare_items([("a", "1", (text,))], 13, writer)
    writer.finish()
    matcher = Decontaminator(DecontaminationConfig(), 1 << 20)
    writer = TaskWriter(tmp_path, "notes", 0)
    with DocumentKeysFile(KeepConfig(), writer) as keys, matcher.collect(writer) as file:
        for number in range(9):
            document = Document(f"{number}", "x " * 40_000 + text * (number % 4 == 0), "s")
            keys.add(document, Path("x"))
            file.add(document)
    output = OutputFolder(DedupConfig(output=tmp_path), tmp_path, [])
    matcher.match(output, table_of(tmp_path, 1), 1, [])
    removed = matcher.removed(tmp_path / ".partial")
    assert removed and sorted(removed.numbers(0, 9)) == [0, 4, 8]


def test_nothing_to_search_for_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LmkitError, match="two words and six letters"):
        prepare_items([("a", "1", ("x",))], 13, TaskWriter(tmp_path, "items", 0))
    assert finished(tmp_path, "items", 0) is None
