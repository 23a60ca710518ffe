from pathlib import Path

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter
from lmkit.commands.dedup.options import DedupConfig
from lmkit.deduplication.document_table import DocumentTable, writing_document_keys
from lmkit.deduplication.options import KeepConfig, RepeatsConfig
from lmkit.deduplication.repeated_spans import RepeatedSpans

HEAD, BODY = "one two three four five", "six seven eight nine ten"
TASKS = [[("b", f"{BODY}\n{HEAD}")], [("c", f"x {HEAD.upper()} {BODY} y\n\n{HEAD}\n"), ("a", HEAD)]]


def found(folder: Path, inside: RepeatsConfig) -> dict[str, list[tuple[str, str, int | None]]]:
    """What is cut of each document: reason, text, and the number of the document that keeps it."""
    wanted = RepeatedSpans(inside, KeepConfig())
    for number, texts in enumerate(TASKS):
        writer = TaskWriter(folder, "notes", number)
        with writing_document_keys(KeepConfig(), writer) as name, wanted.noting(writer) as note:
            for key, text in texts:
                name(Document(key, text, "s"), Path("x"))
                note(Document(key, text, "s"))
    notes = DocumentTable(tuple((folder / ".partial", number) for number in range(len(TASKS))))
    wanted.match(OutputFolder(DedupConfig(output=folder), folder, []), notes, 1, [])
    cuts: dict[str, list[tuple[str, str, int | None]]] = {}
    for number, texts in enumerate(TASKS):
        with wanted.cutting(TaskWriter(folder, "documents", number), notes) as cutter:
            for index, (key, text) in enumerate(texts, start=int(notes.starts[number])):
                cuts[key] = [
                    (one.reason, text[one.start : one.stop], one.kept)
                    for one in cutter(index, Document(key, text, "s"))
                ]
    return cuts


def test_lines_go_with_their_ends_and_say_who_keeps_them(tmp_path: Path) -> None:
    assert found(tmp_path, RepeatsConfig(lines=5)) == {
        "a": [],
        "b": [("line", HEAD, 2)],
        "c": [("line", f"{HEAD}\n", 2)],
    }


def test_paragraphs_are_compared_as_a_whole(tmp_path: Path) -> None:
    assert found(tmp_path, RepeatsConfig(paragraphs=5)) == {
        "a": [],
        "b": [],
        "c": [("paragraph", f"{HEAD}\n", 2)],
    }


def test_passages_go_as_far_as_they_repeat(tmp_path: Path) -> None:
    assert found(tmp_path, RepeatsConfig(passages=4)) == {
        "a": [],
        "b": [("passage", HEAD, 2)],
        "c": [("passage", HEAD.upper(), 2), ("passage", BODY, 0), ("passage", HEAD, 2)],
    }


def test_what_is_longer_than_all_is_not_looked_for(tmp_path: Path) -> None:
    inside = RepeatsConfig(lines=6, paragraphs=11, passages=40)
    found_in = found(tmp_path, inside)
    assert found_in == {"a": [], "b": [], "c": []}
    assert inside.chosen == {"lines": 6, "paragraphs": 11, "passages": 40}
    assert RepeatsConfig().chosen == {}
