import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter
from lmkit.commands.dedup.options import DedupConfig
from lmkit.deduplication import ranking
from lmkit.deduplication.document_table import DocumentKeysFile, DocumentTable
from lmkit.deduplication.options import KeepConfig
from lmkit.deduplication.ranking import rank_documents, ranks


@pytest.mark.parametrize(
    ("keep", "key"),
    [
        (KeepConfig(), lambda d: (d.source, d.id)),
        (KeepConfig(rule="longest"), lambda d: (-len(d.text), d.source, d.id)),
        (KeepConfig(sources=("c",)), lambda d: (d.source != "c", d.source, d.id)),
    ],
)
@pytest.mark.parametrize("partition", [1, 7, 100, 1 << 19])
def test_ranks_are_those_of_all_documents_sorted(
    tmp_path: Path,
    keep: KeepConfig,
    key: Callable[[Document], Any],
    partition: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ranking, "PARTITION", partition)
    chance = random.Random(1)
    documents = [
        Document(f"{number}", "x" * chance.randrange(9), chance.choice("abc"))
        for number in chance.sample(range(1_000), 300)
    ]
    tasks = [documents[:1], [], documents[1:150], documents[150:]]
    for number, task in enumerate(tasks):
        with DocumentKeysFile(keep, TaskWriter(tmp_path, "notes", number)) as file:
            for document in task:
                file.add(document, Path("x"))
    folder = OutputFolder(DedupConfig(output=tmp_path), tmp_path, [])
    table = DocumentTable(tuple((folder.scratch, number) for number in range(len(tasks))))
    rank_documents(folder, keep, table, 1)
    expected = sorted(range(len(documents)), key=lambda number: key(documents[number]))
    found = ranks(folder.scratch)
    assert [int(found[number]) for number in expected] == list(range(len(documents)))


def test_without_documents_there_are_no_ranks(tmp_path: Path) -> None:
    with DocumentKeysFile(KeepConfig(), TaskWriter(tmp_path, "notes", 0)):
        pass
    folder = OutputFolder(DedupConfig(output=tmp_path), tmp_path, [])
    rank_documents(folder, KeepConfig(), DocumentTable(((folder.scratch, 0),)), 1)
    assert len(ranks(folder.scratch)) == 0


def test_documents_of_an_index_have_no_rank(tmp_path: Path) -> None:
    for folder, keys in (("index", "531"), ("new", "642")):
        with DocumentKeysFile(KeepConfig(), TaskWriter(tmp_path / folder, "notes", 0)) as file:
            for key in keys:
                file.add(Document(key, "", "s"), Path("x"))
    folder = OutputFolder(DedupConfig(output=tmp_path / "new"), tmp_path / "new", [])
    table = DocumentTable(((tmp_path / "index" / ".partial", 0), (folder.scratch, 0)), older=1)
    rank_documents(folder, KeepConfig(), table, 1)
    assert ranks(folder.scratch).tolist() == [2, 1, 0]
