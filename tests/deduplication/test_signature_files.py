from pathlib import Path

import numpy as np
import pytest

from lmkit.artifacts import sorted_runs
from lmkit.artifacts.sorted_runs import Runs
from lmkit.artifacts.tasks import PARTIAL, TaskWriter, scratch
from lmkit.deduplication import signature_files as signatures
from lmkit.deduplication.document_table import DocumentTable
from lmkit.deduplication.minhash import Bands
from lmkit.deduplication.removal_table import Removals, write_removals
from lmkit.deduplication.shingles import jaccard, shingles
from lmkit.deduplication.signature_files import (
    Signatures,
    SignaturesFile,
    band_runs,
    groups,
    matching_tasks,
    merged_files,
    write_band_run,
    write_candidate_pairs,
    write_forest,
    write_groups,
)
from tests.conftest import prose

BANDS = Bands(4, 2)


def written(folder: Path, tasks: list[list[str]], older: int = 0) -> DocumentTable:
    (folder / PARTIAL).mkdir(parents=True)
    for number, texts in enumerate(tasks):
        writer = TaskWriter(folder, "notes", number)
        with SignaturesFile(writer, BANDS) as file:
            for text in texts:
                file.add(text)
        with writer.scratch_file(scratch("ends", number)) as path:
            np.zeros(len(texts), np.int64).tofile(path)
    return DocumentTable(tuple((folder / PARTIAL, number) for number in range(len(tasks))), older)


def sorted_bands(folder: Path, table: DocumentTable, removed: list[Removals]) -> Runs:
    runs = band_runs(table, BANDS.bands)
    for number, parts in enumerate(runs.parts):
        write_band_run(runs, removed, parts, TaskWriter(folder, "bands-runs", number))
    return runs


def candidates(
    folder: Path, table: DocumentTable, removed: list[Removals]
) -> list[dict[int, list[int]]]:
    tasks = matching_tasks(runs := sorted_bands(folder, table, removed))
    for number, which in enumerate(tasks):
        write_candidate_pairs(runs, which, TaskWriter(folder, "bands", number))
    joined = [("mates", number) for number in range(len(tasks))]
    level = 0
    while merged := merged_files(joined):
        kind = f"forests-{level}"
        for number, some in enumerate(merged):
            write_forest(table, kind, some, TaskWriter(folder, kind, number))
        joined = [(kind, number) for number in range(len(merged))]
        level += 1
    files = write_groups(table, len(tasks), joined, TaskWriter(folder, "groups", 0))
    found = [list(groups(folder / PARTIAL / scratch("groups", file))) for file in range(files)]
    return [group for file in found for group in file]


def literal(texts: list[str], left_out: set[int]) -> dict[int, list[int]]:
    """The keys that each text shares with another."""
    keys = [BANDS.keys(*shingles([text]))[:, 0].tolist() for text in texts]
    present = [n for n in range(len(texts)) if texts[n] and n not in left_out]
    shared = {
        n: sorted(key for m in present if m != n for key in set(keys[n]) & set(keys[m]))
        for n in present
    }
    return {n: sorted(set(found)) for n, found in shared.items() if found}


@pytest.mark.parametrize("at_once", [1, 3, 1 << 20])
def test_documents_that_share_a_key_are_candidates_across_tasks(
    tmp_path: Path, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EDGES", "GROUPED_ROWS", "MATCHED", "BATCH"):  # in the smallest pieces
        monkeypatch.setattr(signatures, name, at_once)
    monkeypatch.setattr(signatures, "MERGED", max(2, at_once))
    monkeypatch.setattr(sorted_runs, "RUN", at_once)
    one, two, three = prose(3, 40)
    tasks = [[one, "", two], [], [one + " and more", three, two + " once"], [one + " and"]]
    texts = [text for task in tasks for text in task]
    found = candidates(tmp_path, written(tmp_path, tasks), [])
    assert sorted(map(sorted, found)) == [[0, 3, 6], [2, 5]]
    together = {number: sorted(keys) for group in found for number, keys in group.items()}
    assert together == literal(texts, set())


def test_removed_documents_are_no_candidates(tmp_path: Path) -> None:
    one, two = prose(2, 40)
    table = written(tmp_path, [[one, one, two, two]])
    write_removals(tmp_path / "removed", [(1, 0, 1.0)])
    assert [
        sorted(group) for group in candidates(tmp_path, table, [Removals([tmp_path / "removed"])])
    ] == [[2, 3]]


def test_documents_of_an_index_are_compared_only_with_new_ones(tmp_path: Path) -> None:
    one, two, three = prose(3, 40)
    table = written(tmp_path, [[one, one, two], [two, three]], older=1)
    assert [sorted(group) for group in candidates(tmp_path, table, [])] == [[2, 3]]


def test_without_words_there_are_no_candidates(tmp_path: Path) -> None:
    assert candidates(tmp_path, written(tmp_path, [[], ["!!!"]]), []) == []


@pytest.mark.parametrize("run", [1, 3, 1 << 20])
@pytest.mark.parametrize("ahead", [[], [0, 3], [3, 2, 1, 0]])
def test_shingles_are_read_back_by_number(
    tmp_path: Path, run: int, ahead: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorted_runs, "RUN", run)
    one, two = prose(2, 40)
    table = written(tmp_path, [[one], [two, "", one]])
    found = Signatures(sorted_bands(tmp_path, table, []), tmp_path / PARTIAL)
    found.read_ahead(ahead)
    assert found.similarity(0, 3) == 1.0 and found.similarity(0, 2) == 0.0
    expected = jaccard(shingles([one])[0], shingles([two])[0])
    assert found.similarity(0, 1) == found.similarity(1, 0) == expected
    assert found.of(3).tolist() == shingles([one])[0].tolist() and not len(found.of(2))


def test_each_partition_reads_only_its_own_range(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signatures, "MATCHED", 5)
    table = written(tmp_path, [prose(30, 20), prose(10, 20)])
    runs = sorted_bands(tmp_path, table, [])
    assert runs.partitions == 8
    for band in range(BANDS.bands):
        read = [runs.read(tmp_path / PARTIAL, band, part) for part in range(runs.partitions)]
        assert sorted(np.concatenate([numbers for _, numbers in read]).tolist()) == list(range(40))
        for part, ((keys,), _) in enumerate(read):
            assert [int(key) * 8 >> 64 for key in keys] == [part] * len(keys)
