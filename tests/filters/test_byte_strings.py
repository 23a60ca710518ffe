import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmkit.filters.byte_strings import byte_strings, ranges

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"])))


@given(TEXTS)
def test_texts_come_back_as_they_were(texts: list[str]) -> None:
    assert byte_strings(texts).texts() == texts


@given(TEXTS, st.data())
def test_any_of_the_strings_can_be_taken(texts: list[str], data: st.DataObject) -> None:
    indices = data.draw(st.permutations(range(len(texts))))
    taken = byte_strings(texts).take(np.array(indices, np.int64))
    assert taken.texts() == [texts[index] for index in indices]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3))))
def test_ranges_follow_each_other(pairs: list[tuple[int, int]]) -> None:
    starts, lengths = np.array(pairs, np.int64).reshape(-1, 2).T
    expected = [index for start, length in pairs for index in range(start, start + length)]
    assert ranges(starts, lengths).tolist() == expected
