from hypothesis import given
from hypothesis import strategies as st

from lmkit.filters.byte_strings import byte_strings
from lmkit.filters.string_numbers import FEWEST_SLOTS, MAX_LENGTH, StringNumbers

ALIKE = st.text(st.sampled_from("ab\0é"), max_size=2 * MAX_LENGTH)


@given(st.lists(st.lists(ALIKE)))
def test_strings_have_the_same_number_if_and_only_if_they_are_equal(
    batches: list[list[str]],
) -> None:
    table = StringNumbers()
    numbers = [number for batch in batches for number in table.of(byte_strings(batch)).tolist()]
    texts = [text for batch in batches for text in batch]
    assert len(set(zip(texts, numbers, strict=True))) == len(set(texts)) == len(set(numbers))
    assert all(number < len(table) for number in numbers)


def test_numbers_stay_when_the_table_grows() -> None:
    table = StringNumbers()
    texts = [f"{number:x}" * (1 + number % 4) for number in range(FEWEST_SLOTS)]
    first = table.of(byte_strings(texts[:100]))
    numbers = table.of(byte_strings(texts))
    assert len(set(numbers.tolist())) == len(set(texts))
    assert numbers[:100].tolist() == first.tolist()


def test_a_long_string_is_not_its_beginning() -> None:
    table = StringNumbers()
    texts = ["x" * length for length in range(3 * MAX_LENGTH)]
    assert len(set(table.of(byte_strings([*reversed(texts)])).tolist())) == len(texts)
