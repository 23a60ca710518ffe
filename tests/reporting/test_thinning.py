from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from lmkit.reporting.thinning import MAX_POINTS, thinned


def slow(values: list[float], most: int) -> list[int]:
    """The same, as its docstring says it."""
    if len(values) <= most:
        return list(range(len(values)))
    segments = (most - 2) // 2
    edges = [int(len(values) * n / segments) for n in range(segments + 1)]
    kept = {0, len(values) - 1}
    for start, stop in pairwise(edges):
        known = [i for i in range(start, stop) if np.isfinite(values[i])] or [start]
        kept.add(min(known, key=lambda i: values[i]))
        kept.add(max(known, key=lambda i: values[i]))
    return sorted(kept)


@given(
    some.lists(some.floats(allow_nan=True, width=32), min_size=1, max_size=200),
    some.integers(4, 30),
)
def test_the_lowest_and_the_highest_of_each_segment_are_kept(
    values: list[float], most: int
) -> None:
    found = thinned(np.array(values), most).tolist()
    assert found == slow(values, most) and len(found) <= most


@pytest.mark.parametrize("count", [MAX_POINTS, MAX_POINTS + 1, 20_000])
def test_a_spike_of_one_step_stays(count: int) -> None:
    values = np.sin(np.arange(count))
    values[count // 3], values[count // 2] = 50, -50
    kept = thinned(values)
    assert len(kept) <= MAX_POINTS and {0, count - 1, count // 3, count // 2} <= set(kept.tolist())
