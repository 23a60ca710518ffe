"""Tables are compared with tuples in test_found_inputs."""

import pickle
from array import array

import pytest

from lmkit.artifacts.input_lists.input_slice import Slice
from lmkit.artifacts.input_lists.input_table import InputTable
from lmkit.artifacts.input_lists.recorded_input import Input
from lmkit.artifacts.input_lists.slice_table import SliceTable, TaskTable

INPUTS = InputTable([Input("raw/a.jsonl", "raw", 10, "a.jsonl", 1), Input("made", "made", 5)])
OF_MADE = [
    Slice(1, f"made/{name}", "made", name, "documents", "zstd", 0, 2, 2, 1, "f") for name in "xy"
]
TABLE = SliceTable(
    INPUTS, [("jsonl", "none"), ("documents", "zstd")], array("q", [0, 1]), {1: OF_MADE}
)


def test_a_file_is_one_slice_and_a_finished_folder_has_its_own() -> None:
    whole = Slice(0, "raw/a.jsonl", "raw", "a.jsonl", "jsonl", "none", 0, 10, 10, 1)
    assert [*TABLE] == [whole, *OF_MADE] == [TABLE[index] for index in range(3)]
    assert TABLE.formats() == {"jsonl": 1, "documents": 1}
    with pytest.raises(IndexError):
        TABLE[3]


def test_a_task_begins_and_ends_within_a_file() -> None:
    # Ranges of at most 4 bytes: 4, 4 and 2.
    assert [*TABLE.pieces(4)] == [(0, 0, 4), (0, 4, 4), (0, 8, 2), (1, 0, 6), (2, 0, 6)]
    tasks = TaskTable(TABLE, 4)
    for first in ((0, 0), (0, 8), (2, 0)):
        tasks.add(*first)
    found = [[(part.input, part.start, part.stop) for part in task] for task in tasks]
    assert found == [[(0, 0, 4), (0, 4, 8)], [(0, 8, 10), (1, 0, 2)], [(1, 0, 2)]]
    assert [*pickle.loads(pickle.dumps(tasks))] == [*tasks]
    with pytest.raises(IndexError):
        tasks[3]
