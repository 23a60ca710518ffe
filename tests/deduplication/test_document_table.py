import pickle
from pathlib import Path

import numpy as np

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.tasks import PARTIAL, TaskWriter
from lmkit.deduplication.document_table import DocumentKeysFile, DocumentTable, TaskParts
from lmkit.deduplication.keep_policy import DocumentKey
from lmkit.deduplication.options import KeepConfig
from lmkit.text.digests import digest


def test_keys_are_read_back_by_number_over_all_tasks(tmp_path: Path) -> None:
    keep = KeepConfig(rule="largest", field="score")
    tasks = [["a", "bé\n"], [], ["half \ud83d"]]
    expected: list[DocumentKey] = []
    for task, texts in enumerate(tasks):
        with DocumentKeysFile(keep, TaskWriter(tmp_path, "notes", task)) as keys:
            for index, text in enumerate(texts):
                keys.add(Document(f"{task}/{index}", text, "s", {"score": index}), Path("x.jsonl"))
                rest = (f"{task}/{index}", digest(text).hex(), "x.jsonl", len(text), index)
                expected.append(DocumentKey("s", *rest, {}))
    table = DocumentTable(tuple((tmp_path / PARTIAL, number) for number in range(3)), older=1)
    assert table.starts.tolist() == [0, 2, 2, 3]
    assert table.first == 2 and table.of_task(0) == (2, 2) and table.of_task(1) == (2, 3)
    assert [table.keys([number])[number] for number in range(3)] == expected
    assert table.keys([2, 0]) == {0: expected[0], 2: expected[2]}
    assert table.keys([]) == {}


def test_the_parts_of_an_index_come_before_those_of_the_tasks() -> None:
    crawls = ((Path("a"), 1), (Path("none"), 0), (Path("b"), 1))
    parts = TaskParts(crawls, Path("new"), 3)
    index = [(Path("a"), 0), (Path("b"), 0)]
    expected = [*index, *((Path("new"), task) for task in range(3))]
    assert [*parts] == [parts[number] for number in range(5)] == expected
    assert len(parts) == 5 and parts[2:] == tuple(expected[2:])
    for outside in (5, -1):
        try:
            parts[outside]
        except IndexError:
            continue
        raise AssertionError(outside)


def test_what_other_processes_get_stays_small_however_many_parts_there_are() -> None:
    crawls = tuple((Path(f"index/part-{number:05d}"), 62_500) for number in range(100))
    for older in ((), crawls):
        table = DocumentTable(TaskParts(older, Path("work/dedup/.partial"), 62_500))
        table.__dict__["starts"] = np.zeros(62_501, np.int64)  # as once it was looked up here
        sent = pickle.dumps(table)
        assert len(sent) < 20_000
        again = pickle.loads(sent)
        assert again == table and len(again.parts) == 62_500 * (1 + len(older))
