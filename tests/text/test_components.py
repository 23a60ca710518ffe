import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmkit.text.components import components

EDGES = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30)


@given(EDGES, st.integers(1, 5))
def test_what_is_linked_has_the_smallest_number_of_its_component(
    edges: list[tuple[int, int]], size: int
) -> None:
    expected = list(range(20))
    for _ in range(20):  # a literal search: each takes over the smallest of its neighbours
        for a, b in edges:
            expected[a] = expected[b] = min(expected[a], expected[b])
    pieces = [np.array(edges[n : n + size]) for n in range(0, len(edges), size)]
    found = components(20, lambda: [(piece[:, 0], piece[:, 1]) for piece in pieces])
    assert found.tolist() == expected
