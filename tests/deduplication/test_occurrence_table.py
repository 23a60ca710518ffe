import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmkit.artifacts.tasks import PARTIAL, TaskWriter
from lmkit.deduplication.occurrence_table import noting, read_found, shares_of, write_found

Numbers = NDArray[np.int64]
# A document is a list of keys, by place; few keys, of which some lie at the ends of what fits.
KEYS = st.sampled_from([0, 1, 7, 1 << 63, (1 << 64) - 1])
TASKS = st.lists(st.lists(st.lists(KEYS, max_size=6), max_size=4), min_size=1, max_size=4)


class Listed:
    def __init__(self, tasks: list[list[list[int]]], ranks: list[int], gone: set[int]) -> None:
        self.starts = np.cumsum([0, *map(len, tasks)])
        self._ranks = np.array(ranks, np.int64)
        self._gone = gone

    def gone(self, task: int) -> Numbers:
        mine = range(int(self.starts[task]), int(self.starts[task + 1]))
        return np.array([number for number in mine if number in self._gone], np.int64)

    def ranks(self, numbers: Numbers) -> Numbers:
        return self._ranks[numbers]


def literally(
    documents: list[list[int]], ranks: list[int], gone: set[int], width: int
) -> set[tuple[int, int, int, int]]:
    found = set[tuple[int, int, int, int]]()
    places = defaultdict[int, list[tuple[int, int, int]]](list)
    for number, keys in enumerate(documents):
        for place, key in enumerate(keys):
            if number not in gone:
                places[key].append((ranks[number], place, number))
    for occurrences in places.values():
        _, first_place, first = min(occurrences)
        for _, place, number in occurrences:
            if number != first or place - first_place >= width:
                found.add((number, place, first, first_place))
    return found


@settings(max_examples=60)
@given(tasks=TASKS, data=st.data())
def test_it_finds_what_a_literal_search_finds(
    tasks: list[list[list[int]]], data: st.DataObject
) -> None:

    documents = [document for task in tasks for document in task]
    ranks = data.draw(st.permutations(range(len(documents))))
    gone = data.draw(st.sets(st.integers(0, 9), max_size=3))
    width, shares, run = (data.draw(st.integers(1, most)) for most in (3, 3, 5))
    with tempfile.TemporaryDirectory() as folder:
        for number, task in enumerate(tasks):
            with noting(TaskWriter(Path(folder), "notes", number), "x", run) as note:
                for keys in task:
                    note(np.array(keys, np.uint64), np.arange(len(keys)))
        corpus = Listed(tasks, [*ranks], gone)
        for share in range(shares):
            write_found(TaskWriter(Path(folder), "x", share), "x", corpus, shares, width, run)
        found = set[tuple[int, int, int, int]]()
        for first, stop in zip(corpus.starts, corpus.starts[1:], strict=False):
            rows = read_found(Path(folder) / PARTIAL, "x", shares, int(first), int(stop))
            assert (rows["document"] >= first).all() and (rows["document"] < stop).all()
            names = ("document", "place", "first", "first_place")
            found |= set(zip(*(rows[name].tolist() for name in names), strict=True))
    assert found == literally(documents, [*ranks], gone, width)


def test_more_occurrences_make_more_shares(tmp_path: Path) -> None:
    with noting(TaskWriter(tmp_path, "notes", 0), "x") as note:
        note(np.arange(100, dtype=np.uint64), np.arange(100))
    assert shares_of(tmp_path / PARTIAL, "x", 1, 1000) == 1
    assert shares_of(tmp_path / PARTIAL, "x", 1, 30) == 4
