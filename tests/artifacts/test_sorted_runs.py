from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.artifacts import sorted_runs
from lmkit.artifacts.sorted_runs import Runs, partitions_of, parts_of_runs
from lmkit.artifacts.tasks import PARTIAL, TaskWriter, scratch
from lmkit.deduplication.document_table import DocumentTable


def table(folder: Path, sizes: list[int]) -> DocumentTable:
    (folder / PARTIAL).mkdir()
    for number, size in enumerate(sizes):
        np.zeros(size, np.int64).tofile(folder / PARTIAL / scratch("ends", number))
    return DocumentTable(tuple((folder / PARTIAL, number) for number in range(len(sizes))))


@pytest.mark.parametrize("run", [1, 40, 1 << 20])
@pytest.mark.parametrize("partitions", [1, 7, 200])
def test_the_partitions_hold_every_row_once_and_equal_keys_together(
    tmp_path: Path, run: int, partitions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorted_runs, "RUN", run)
    documents = table(tmp_path, [30, 0, 50, 20])
    chance = np.random.default_rng(1)
    extremes = np.array([0, 1, 2**63, 2**64 - 1], np.uint64)
    chosen = np.append(chance.integers(0, 2**64, 20, np.uint64), extremes)
    keys = chance.choice(chosen, (2, 100))
    rest = chance.integers(0, 9, (2, 100)).astype(np.uint64)
    runs = Runs(documents, "some", 2, 2, partitions)
    has_key = np.arange(100) % 10 != 3
    for number, (first, stop) in enumerate(runs.parts):
        selected = np.arange(documents.starts[first], documents.starts[stop])
        selected = selected[has_key[selected]]
        sections = [(keys[section, selected], rest[section, selected]) for section in range(2)]
        runs.write(TaskWriter(tmp_path, "some", number), selected, sections)
    for section in range(2):
        found: list[tuple[int, int, int]] = []
        for partition in range(partitions):
            (key, other), numbers = runs.read(tmp_path / PARTIAL, section, partition)
            assert [int(each) * partitions >> 64 for each in key] == [partition] * len(key)
            found += zip(numbers.tolist(), key.tolist(), other.tolist(), strict=True)
        expected = np.arange(100)[has_key]
        assert sorted(found) == [
            (number, int(keys[section, number]), int(rest[section, number]))
            for number in expected.tolist()
        ]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.integers(1, 30))
def test_runs_are_consecutive_parts_of_bounded_size(sizes: list[int], run: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_runs, "RUN", run)
        found = parts_of_runs(np.cumsum([0, *sizes]))
    assert [part for first, stop in found for part in range(first, stop)] == [*range(len(sizes))]
    assert all(sum(sizes[first : stop - 1]) < run for first, stop in found)


def test_without_parts_there_are_no_runs() -> None:
    assert parts_of_runs(np.array([0])) == []


def test_partitions_follow_from_the_number_of_documents() -> None:
    assert [partitions_of(count, 10) for count in (0, 10, 11, 400)] == [1, 1, 2, 40]
