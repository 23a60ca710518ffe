from pathlib import Path

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter
from lmkit.commands.dedup.options import DedupConfig
from lmkit.deduplication.document_table import DocumentKeysFile, DocumentTable
from lmkit.deduplication.options import KeepConfig, RepeatsConfig
from lmkit.deduplication.repeated_spans import RepeatedSpans

HEAD, BODY = "one two three four five", "six seven eight nine ten"
TASKS = [[("b", f"{BODY}\n{HEAD}")], [("c", f"x {HEAD.upper()} {BODY} y\n\n{HEAD}\n"), ("a", HEAD)]]


def found_cuts(
    folder: Path, repeats: RepeatsConfig
) -> dict[str, list[tuple[str, str, int | None]]]:
    """The cuts of each document: reason, text, and the number of the document that keeps it."""
    matcher = RepeatedSpans(repeats, KeepConfig())
    for number, texts in enumerate(TASKS):
        writer = TaskWriter(folder, "notes", number)
        with DocumentKeysFile(KeepConfig(), writer) as keys, matcher.collect(writer) as file:
            for key, text in texts:
                keys.add(Document(key, text, "s"), Path("x"))
                file.add(Document(key, text, "s"))
    table = DocumentTable(tuple((folder / ".partial", number) for number in range(len(TASKS))))
    matcher.match(OutputFolder(DedupConfig(output=folder), folder, []), table, 1, [])
    cuts: dict[str, list[tuple[str, str, int | None]]] = {}
    for number, texts in enumerate(TASKS):
        cutter = matcher.spans_to_cut(TaskWriter(folder, "documents", number), table)
        for index, (key, text) in enumerate(texts, start=int(table.starts[number])):
            cuts[key] = [
                (one.reason, text[one.start : one.stop], one.kept)
                for one in cutter(index, Document(key, text, "s"))
            ]
    return cuts


def test_lines_are_cut_with_their_ends_and_name_the_document_that_keeps_them(
    tmp_path: Path,
) -> None:
    assert found_cuts(tmp_path, RepeatsConfig(lines=5)) == {
        "a": [],
        "b": [("line", HEAD, 2)],
        "c": [("line", f"{HEAD}\n", 2)],
    }


def test_paragraphs_are_compared_completely(tmp_path: Path) -> None:
    assert found_cuts(tmp_path, RepeatsConfig(paragraphs=5)) == {
        "a": [],
        "b": [],
        "c": [("paragraph", f"{HEAD}\n", 2)],
    }


def test_passages_are_cut_as_far_as_they_repeat(tmp_path: Path) -> None:
    assert found_cuts(tmp_path, RepeatsConfig(passages=4)) == {
        "a": [],
        "b": [("passage", HEAD, 2)],
        "c": [("passage", HEAD.upper(), 2), ("passage", BODY, 0), ("passage", HEAD, 2)],
    }


def test_nothing_is_cut_below_the_minimum_length(tmp_path: Path) -> None:
    repeats = RepeatsConfig(lines=6, paragraphs=11, passages=40)
    result = found_cuts(tmp_path, repeats)
    assert result == {"a": [], "b": [], "c": []}
    assert repeats.chosen == {"lines": 6, "paragraphs": 11, "passages": 40}
    assert RepeatsConfig().chosen == {}
