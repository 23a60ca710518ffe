import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmkit.objectives.ragged import Layout, gather_spans, ranks, text_of
from tests.objectives.texts import PAD, SPECIAL, rows_of, some_documents


@given(documents=some_documents(), length=st.integers(2, 50))
def test_text_is_found_per_piece(documents: list[list[int]], length: int) -> None:
    rows = rows_of(documents, length)
    text = text_of(rows, rows.tokens_BT >= SPECIAL)
    expected: list[tuple[int, int, list[int]]] = []
    for row, (ids, numbers) in enumerate(zip(rows.tokens_BT, rows.documents_BT, strict=True)):
        for number in range(1, numbers.max() + 1):
            text_ids = [int(i) for i, n in zip(ids, numbers, strict=True) if n == number and i > 9]
            if text_ids:
                expected.append((row, number, text_ids))
    tokens = rows.tokens_BT.ravel()[text.indices_N]
    pieces = np.split(tokens, np.cumsum(text.lengths_P)[:-1])
    actual = zip(text.rows_P, text.numbers_P, pieces, strict=False)
    assert [(int(r), int(n), part.tolist()) for r, n, part in actual if len(part)] == expected


@given(documents=some_documents(), length=st.integers(2, 50))
def test_joining_all_pieces_gives_the_same_sequences(
    documents: list[list[int]], length: int
) -> None:
    rows = rows_of(documents, length)
    shape = rows.tokens_BT.shape
    text = text_of(rows, np.ones(shape, np.bool_))
    tokens = rows.tokens_BT.ravel()[text.indices_N]
    layout = Layout(text.rows_P, text.numbers_P, text.lengths_P)
    joined = gather_spans(tokens, text.starts_P, text.lengths_P)
    assert np.array_equal(layout.scatter(joined, PAD, shape), rows.tokens_BT)
    assert np.array_equal(layout.documents(shape), rows.documents_BT)
    assert np.array_equal(layout.positions(shape), rows.positions_BT)
    assert layout.width == max(int((row > 0).sum()) for row in rows.documents_BT)


def test_some_pieces_can_be_left_out() -> None:
    rows = rows_of([[1, 10, 11, 2], [1, 12, 2]], 7)
    text = text_of(rows, rows.tokens_BT >= SPECIAL).select(np.array([False, True]))
    assert (text.indices_N.tolist(), text.numbers_P.tolist()) == ([5], [2])


@given(st.lists(st.lists(st.floats(0, 1), max_size=9), max_size=5))
def test_a_rank_counts_the_smaller_values_of_its_group(groups: list[list[float]]) -> None:
    values = np.array([value for group in groups for value in group])
    actual = ranks(values, np.array([len(group) for group in groups], np.int64)).tolist()
    for group in groups:
        group_ranks, actual = actual[: len(group)], actual[len(group) :]
        assert sorted(group_ranks) == list(range(len(group)))
        assert [value for _, value in sorted(zip(group_ranks, group, strict=True))] == sorted(group)
