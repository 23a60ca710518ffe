"""Every value is compared with a loop over the batches."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lmkit.training.data.batch_sizes import BatchSize, BatchSizes

SIZES = st.builds(
    lambda first, more, steps: BatchSize(first + more, first, steps),
    *(st.integers(1, 40), st.integers(0, 40), st.integers(0, 30)),
)
EARLIER = st.lists(st.tuples(st.integers(1, 30), SIZES), max_size=3).map(
    lambda parts: sorted(parts, key=lambda part: part[0])
)


@given(size=SIZES, number=st.integers(1, 60))
def test_a_ramp_rises_evenly_and_then_stays(size: BatchSize, number: int) -> None:
    at = [size.at(each) for each in range(1, size.ramp_steps + 10)]
    assert at == sorted(at) and at[0] == (size.first_rows if size.ramp_steps else size.rows)
    assert set(at[size.ramp_steps :]) == {size.rows}
    for earlier, later in pairwise(at):
        assert later - earlier <= -(-(size.rows - size.first_rows) // max(1, size.ramp_steps))
    assert size.before(number) == sum(size.at(each) for each in range(1, number))


@given(size=SIZES, earlier=EARLIER, number=st.integers(1, 80), rows=st.integers(1, 2_000))
def test_batches_follow_one_another(
    size: BatchSize, earlier: list[tuple[int, BatchSize]], number: int, rows: int
) -> None:
    sizes = BatchSizes(size, earlier)
    assert sizes.before(number) == sum(sizes.at(each) for each in range(1, number))
    found = sizes.range_of(number)
    assert found.start + found.rows == sizes.range_of(number + 1).start
    assert sizes.most == max(each.rows for each in (size, *(part for _, part in earlier)))
    needed = sizes.needed_for(rows)
    assert sizes.before(needed + 1) >= rows
    assert needed == 1 or sizes.before(needed) < rows


def test_long_ramps_cost_nothing() -> None:
    size = BatchSize(10**6, 1, ramp_steps=10**12)
    # The mean of a floor is half below that of the line, but for 2 * gcd(999999, 10^12) = 2 ends.
    whole = sum(divmod(999_999 * (10**12 - 1), 2))
    assert abs(size.before(10**12 + 1) - 10**12 - (whole - 10**12 // 2)) <= 10**6
    assert BatchSizes(size).needed_for(10**15) < 10**12
