from hypothesis import given
from hypothesis import strategies as st

from lmkit.text.repeats import groups_of_equals


@given(st.lists(st.integers(0, 5), max_size=30))
def test_equal_digests_share_a_group_and_single_ones_have_none(numbers: list[int]) -> None:
    group_of, count = groups_of_equals(b"".join(bytes([n] * 16) for n in numbers))
    repeated = {n for n in numbers if numbers.count(n) > 1}
    assert count == len(repeated)
    assert {n: {g for m, g in zip(numbers, group_of, strict=True) if m == n} for n in numbers} == {
        n: {group_of[numbers.index(n)]} for n in numbers
    }
    assert [g >= 0 for g in group_of] == [n in repeated for n in numbers]
