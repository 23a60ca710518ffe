import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.artifacts.input_lists.input_table import InputTable
from lmkit.artifacts.input_lists.recorded_input import Input

NAMES = st.text(st.characters(codec=None), max_size=8)  # lone surrogates too
NUMBERS = st.integers(0, (1 << 63) - 1)
DIGESTS = st.one_of(
    st.just(()), st.tuples(st.just("0f" * 32)), st.just(("version",)), st.just(("00" * 32, "1"))
)
INPUTS = st.builds(
    Input, NAMES, st.sampled_from(["web", "books"]), NUMBERS, NAMES, st.none() | NUMBERS, DIGESTS
)


@given(st.lists(INPUTS, max_size=12), st.lists(INPUTS, max_size=3))
def test_a_table_holds_what_a_list_holds(inputs: list[Input], more: list[Input]) -> None:
    table = InputTable(inputs)
    assert [*table] == inputs and len(table) == len(inputs)
    assert [table[index] for index in range(len(inputs))] == inputs
    assert table[1:-1] == tuple(inputs[1:-1])
    assert table.total_bytes == sum(item.bytes for item in inputs)
    longer = table.extended(more)
    assert [*longer] == inputs + more and [*table] == inputs
    assert [*table.extended(more[::-1])] == inputs + more[::-1] and [*longer] == inputs + more
    assert [*pickle.loads(pickle.dumps(longer))] == inputs + more


def test_a_path_below_its_argument_is_stored_once() -> None:
    inside, link = Input("raw/deep/a.txt", "raw", 1, "deep/a.txt"), Input("link", "raw", 1, "é/b")
    assert [*InputTable([inside, link])] == [inside, link]


def test_what_was_read_is_added_without_changing_the_plan() -> None:
    inputs = [Input(f"raw/{n}", "raw", n, str(n), n) for n in range(4)]
    table = InputTable([*inputs, Input("made", "made", 0, sha256=("folder",))])
    digests = np.array([b"\x01" * 32, b"\x00" * 32], np.dtype((np.void, 32)))
    read = table.with_digests(np.array([0, 3]), digests, {1: ("a", "b")})
    assert [item.sha256 for item in read] == [
        ("01" * 32,),
        ("a", "b"),
        (),
        ("00" * 32,),
        ("folder",),
    ]
    assert [item.sha256 for item in table] == [(), (), (), (), ("folder",)]


def test_an_index_outside_of_the_table_is_an_error() -> None:
    table = InputTable([Input("a", "a", 1)])
    assert table[-1] == table[0]
    for index in (1, -2):
        with pytest.raises(IndexError):
            table[index]
