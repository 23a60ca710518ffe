from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.deduplication import components as module
from lmkit.deduplication.components import Nodes, components

EDGES = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30)


def literal(count: int, edges: list[tuple[int, int]]) -> list[int]:
    """A literal search: each node takes the smallest of its neighbours."""
    smallest = list(range(count))
    for _ in range(count):
        for a, b in edges:
            smallest[a] = smallest[b] = min(smallest[a], smallest[b])
    return smallest


def found(count: int, edges: list[tuple[int, int]], size: int) -> list[int]:
    pieces = [np.array(edges[n : n + size]) for n in range(0, len(edges), size)]
    return components(count, [(piece[:, 0], piece[:, 1]) for piece in pieces]).tolist()


@given(EDGES, st.integers(1, 40))
def test_each_node_has_the_smallest_number_of_its_component(
    edges: list[tuple[int, int]], size: int
) -> None:
    assert found(20, edges, size) == literal(20, edges)


@pytest.mark.parametrize("size", [1, 7, 1_000])
@pytest.mark.parametrize("step", [1, -1, 37])
def test_a_long_chain_is_one_component(
    size: int, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 64)
    nodes = [number * step % 1_000 for number in range(1_000)]
    edges = list(pairwise(nodes))
    assert found(1_000, edges, size) == [0] * 1_000


def test_the_edges_are_not_changed() -> None:
    edges = [(np.array([4, 3]), np.array([3, 1]))]
    components(5, edges)
    assert [values.tolist() for values in edges[0]] == [[4, 3], [3, 1]]


@given(st.sets(st.integers(0, 300), max_size=40))
def test_nodes_are_numbered_in_the_order_of_their_documents(documents: set[int]) -> None:
    ordered = np.array(sorted(documents), np.int64)
    nodes = Nodes(301, [ordered[::2], ordered[1::2], ordered[:3]])
    assert nodes.count == len(documents)
    assert nodes.of(ordered).tolist() == list(range(len(documents)))
