import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter, scratch
from lmkit.commands.dedup.options import DedupConfig
from lmkit.deduplication.clusters import cluster_counts
from lmkit.deduplication.clusters.cluster_counts import (
    EXAMPLES,
    SIMILAR,
    ClusterCounts,
    count_clusters,
    spread,
)
from lmkit.deduplication.document_table import DocumentKeysFile, DocumentTable, TaskParts
from lmkit.deduplication.matcher import Matcher
from lmkit.deduplication.options import KeepConfig, MatchOptions
from lmkit.deduplication.removal_table import NO_REPRESENTATIVE, Removals, write_removals

Rows = list[tuple[int, int, float]]


class Found(Matcher):
    """A matcher that has found what a test gives it."""

    def __init__(self, reason: str, files: int) -> None:
        vars(self)["reason"], self.files = reason, files

    @classmethod
    def of(cls, options: MatchOptions) -> Self | None:
        return None

    def match(
        self,
        folder: OutputFolder,
        documents: DocumentTable,
        workers: int,
        previous: Sequence[Matcher],
    ) -> None: ...

    def removed(self, partial: Path) -> Removals:
        return Removals([partial / scratch(self.reason, file) for file in range(self.files)])


def counted(
    path: Path, sources: str, older: int = 0, workers: int = 1, **files: Sequence[Rows]
) -> ClusterCounts:
    """Document n is of the n-th source; the first `older` ones are of a crawl index."""
    folder = OutputFolder(DedupConfig(output=path), path, [])
    folder.scratch.mkdir(parents=True)
    for task, (start, stop) in enumerate([(0, older), (older, len(sources))]):
        with DocumentKeysFile(KeepConfig(), TaskWriter(path, "notes", task)) as keys:
            for number in range(start, stop):
                keys.add(Document(str(number), "", sources[number]), Path("x"))
    for reason, tables in files.items():
        for number, rows in enumerate(tables):
            write_removals(folder.scratch / scratch(reason, number), rows)
    matchers = [Found(reason, len(tables)) for reason, tables in files.items()]
    documents = DocumentTable(TaskParts((), folder.scratch, 2), 1)
    return count_clusters(folder, matchers, documents, workers)


def largest(counts: ClusterCounts) -> list[tuple[int, str, str]]:
    return [(size, key.source, key.id) for size, key in counts.largest]


def test_duplicates_count_for_their_final_representative(tmp_path: Path) -> None:
    exact, near = [(1, 0, 1.0), (4, 3, 1.0)], [(0, 2, 0.8), (5, NO_REPRESENTATIVE, 0.0)]
    counts = counted(tmp_path, "abbacc", exact=[exact], near=[near])
    assert counts.sizes == {2: 1, 3: 1}
    assert largest(counts) == [(3, "b", "2"), (2, "a", "3")]


def test_examples_are_spread_from_the_lowest_similarity_on(tmp_path: Path) -> None:
    near = [(n, 0, 0.7 + n / 1000) for n in range(1, 101)]
    counts = counted(tmp_path, "s" * 101, near=[near[::2], near[1::2]])
    assert [number for number, _, _ in counts.examples] == [1, 20, 40, 60, 80, 100]


def test_labelled_documents_are_clusters_of_their_own(tmp_path: Path) -> None:
    counts = counted(tmp_path, "sss", near=[[(0, 0, 1.0), (1, 0, 0.9)]])
    assert counts.sizes == {2: 1} and counts.examples == [(1, 0, 0.9)]


def test_documents_of_an_index_are_no_examples(tmp_path: Path) -> None:
    near = [(2, 0, 0.8), (3, 1, 0.9)]
    counts = counted(tmp_path, "ssss", older=1, near=[near])
    assert counts.sizes == {2: 2} and counts.examples == [(3, 1, 0.9)]


def test_nothing_is_counted_where_nothing_was_found(tmp_path: Path) -> None:
    assert counted(tmp_path / "none", "ss") == ClusterCounts({}, [], [])
    assert counted(tmp_path / "empty", "ss", near=[[], []]) == ClusterCounts({}, [], [])


def test_processes_share_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_counts, "RUN", 1)
    exact: list[Rows] = [[(number, 0, 1.0)] for number in range(1, 6)]
    assert counted(tmp_path, "abcdef", workers=2, exact=exact).sizes == {6: 1}


SIMILARITIES = st.sampled_from([0.5, 0.7, 0.7000001, 0.9, 1.0])


@settings(max_examples=50)
@given(st.data(), st.integers(1, 30), st.integers(1, 9), st.integers(1, 9))
def test_partitions_count_as_a_literal_reference(
    data: st.DataObject, documents: int, run: int, partition: int
) -> None:
    """Two matchers; the second ignores what the first has removed."""
    numbers = list(range(documents))
    kept = data.draw(st.lists(st.sampled_from(numbers), min_size=documents, max_size=documents))
    tables: list[Rows] = [[], []]
    removed: set[int] = set()
    for number in numbers:
        table = data.draw(st.integers(0, 3))
        # Whatever a document is removed for is smaller: representatives of representatives end.
        if table < 2 and kept[number] < number:
            tables[table].append((number, kept[number], data.draw(SIMILARITIES)))
            removed.add(number)
    second = {number: other for number, other, _ in tables[1]}
    finals = [second.get(other, other) for _, other, _ in tables[0]]
    expected = Counter([*finals, *second.values()])
    by_size = sorted(expected.items(), key=lambda each: (-each[1], each[0]))[:5]
    near = sorted((similarity, number, other) for number, other, similarity in tables[1])
    positions = sorted({int(p) for p in np.linspace(0, len(near) - 1, EXAMPLES)} if near else set())
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(cluster_counts, "RUN", run)
        patch.setattr(cluster_counts, "PARTITION", partition)
        split = {
            "exact": [tables[0][::2], tables[0][1::2]],
            "near": [tables[1][::3], tables[1][1::3], tables[1][2::3]],
        }
        counts = counted(Path(folder), "s" * documents, exact=split["exact"], near=split["near"])
    assert counts.sizes == dict(sorted(Counter(n + 1 for n in expected.values()).items()))
    assert largest(counts) == [(count + 1, "s", str(number)) for number, count in by_size]
    assert list(counts.examples) == [
        (near[p][1], near[p][2], round(near[p][0], 6)) for p in positions
    ]


@given(st.lists(st.lists(st.tuples(SIMILARITIES, st.integers(0, 99)), max_size=20), max_size=4))
def test_examples_are_those_of_all_runs_together(found: list[list[tuple[float, int]]]) -> None:
    numbers: set[int] = set()
    runs: list[Any] = []
    for rows in found:
        new = {number: s for s, number in rows if number not in numbers}
        numbers |= {*new}
        ordered = sorted((s, number) for number, s in new.items())
        runs.append(np.array([(s, number, number + 100) for s, number in ordered], SIMILAR))
    everything = sorted((float(s), int(n)) for run in runs for s, n, _ in run)
    count = len(everything)
    positions = sorted({int(p) for p in np.linspace(0, count - 1, EXAMPLES)}) if count else []
    expected = [(n, n + 100, round(s, 6)) for s, n in (everything[p] for p in positions)]
    assert spread(runs) == expected
