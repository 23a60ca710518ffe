import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmkit.artifacts.tasks import PARTIAL, TaskWriter
from lmkit.deduplication.occurrence_table import (
    OccurrencesFile,
    partition_count,
    read_found,
    write_found,
)

Numbers = NDArray[np.int64]
# A document is a list of keys, by position; few keys, some at both ends of the range.
KEYS = st.sampled_from([0, 1, 7, 1 << 63, (1 << 64) - 1])
TASKS = st.lists(st.lists(st.lists(KEYS, max_size=6), max_size=4), min_size=1, max_size=4)


class Listed:
    def __init__(self, tasks: list[list[list[int]]], ranks: list[int], removed: set[int]) -> None:
        self.starts = np.cumsum([0, *map(len, tasks)])
        self._ranks = np.array(ranks, np.int64)
        self._removed = removed

    def removed(self, task: int) -> Numbers:
        task_numbers = range(int(self.starts[task]), int(self.starts[task + 1]))
        return np.array([number for number in task_numbers if number in self._removed], np.int64)

    def ranks(self, numbers: Numbers) -> Numbers:
        return self._ranks[numbers]


def literally(
    documents: list[list[int]], ranks: list[int], removed: set[int], width: int
) -> set[tuple[int, int, int, int]]:
    found = set[tuple[int, int, int, int]]()
    positions = defaultdict[int, list[tuple[int, int, int]]](list)
    for number, keys in enumerate(documents):
        for position, key in enumerate(keys):
            if number not in removed:
                positions[key].append((ranks[number], position, number))
    for occurrences in positions.values():
        _, first_position, first = min(occurrences)
        for _, position, number in occurrences:
            if number != first or position - first_position >= width:
                found.add((number, position, first, first_position))
    return found


@settings(max_examples=60)
@given(tasks=TASKS, data=st.data())
def test_it_finds_what_a_literal_search_finds(
    tasks: list[list[list[int]]], data: st.DataObject
) -> None:

    documents = [document for task in tasks for document in task]
    ranks = data.draw(st.permutations(range(len(documents))))
    removed = data.draw(st.sets(st.integers(0, 9), max_size=3))
    width, partitions, run = (data.draw(st.integers(1, high)) for high in (3, 3, 5))
    with tempfile.TemporaryDirectory() as folder:
        for number, task in enumerate(tasks):
            with OccurrencesFile(TaskWriter(Path(folder), "notes", number), "x", run) as file:
                for keys in task:
                    file.add(np.array(keys, np.uint64), np.arange(len(keys)))
        corpus = Listed(tasks, [*ranks], removed)
        for partition in range(partitions):
            write_found(
                TaskWriter(Path(folder), "x", partition), "x", corpus, partitions, width, run
            )
        found = set[tuple[int, int, int, int]]()
        for first, stop in zip(corpus.starts, corpus.starts[1:], strict=False):
            rows = read_found(Path(folder) / PARTIAL, "x", partitions, int(first), int(stop))
            assert (rows["document"] >= first).all() and (rows["document"] < stop).all()
            names = ("document", "position", "first", "first_position")
            found |= set(zip(*(rows[name].tolist() for name in names), strict=True))
    assert found == literally(documents, [*ranks], removed, width)


def test_more_occurrences_make_more_partitions(tmp_path: Path) -> None:
    with OccurrencesFile(TaskWriter(tmp_path, "notes", 0), "x") as file:
        file.add(np.arange(100, dtype=np.uint64), np.arange(100))
    assert partition_count(tmp_path / PARTIAL, "x", 1, 1000) == 1
    assert partition_count(tmp_path / PARTIAL, "x", 1, 30) == 4
