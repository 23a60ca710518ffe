import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmkit.deduplication.clustering import components, stars


def everywhere(_: int) -> list[str]:
    return ["all"]


def test_likeness_makes_no_chains() -> None:
    """Fifty documents, each like the next alone: every second one stays."""
    gone = stars(range(50), everywhere, lambda a, b: 0.9 if abs(a - b) == 1 else 0.1, 0.7)
    assert gone == {number: (number - 1, 0.9) for number in range(1, 50, 2)}


def test_the_most_similar_of_those_that_stay_is_named() -> None:
    alike = {(0, 2): 0.8, (1, 2): 0.9, (0, 1): 0.1}
    assert stars([0, 1, 2], everywhere, lambda a, b: alike[a, b], 0.7) == {2: (1, 0.9)}


def test_the_best_stays_whatever_its_number() -> None:
    assert stars([2, 0, 1], everywhere, lambda *_: 1.0, 0.7) == {0: (2, 1.0), 1: (2, 1.0)}


def test_what_shares_no_bucket_is_not_compared() -> None:
    def never(one: int, other: int) -> float:
        raise AssertionError((one, other))

    assert stars([0, 1], lambda number: [number], never, 0.7) == {}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.permutations(range(12)))
def test_each_that_goes_is_like_one_that_stays_and_none_that_stays_like_another(
    places: list[float], order: list[int]
) -> None:
    def similarity(one: int, other: int) -> float:
        return 1 - abs(places[one] - places[other])

    best_first = [number for number in order if number < len(places)]
    gone = stars(best_first, everywhere, similarity, 0.8)
    stay = [number for number in best_first if number not in gone]
    for number, (kept, alike) in gone.items():
        assert kept in stay and alike == similarity(kept, number) >= 0.8
        assert best_first.index(kept) < best_first.index(number)
    assert all(similarity(a, b) < 0.8 for a in stay for b in stay if a != b)


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
