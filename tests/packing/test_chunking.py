from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lmkit.packing.chunking import chunk, document_order
from lmkit.packing.row_index import pack_in_order


def literal_rows(lengths: list[int], sequence_length: int) -> list[list[tuple[int, int]]]:
    """Pack token by token: a sequence is a list of (document, index of the token in it)."""
    rows: list[list[tuple[int, int]]] = []
    for document, length in enumerate(lengths):
        for token in range(length):
            if not rows or len(rows[-1]) == sequence_length:
                rows.append([])
            rows[-1].append((document, token))
    return rows


def unpacked(row_starts: np.ndarray, pieces: np.ndarray) -> list[list[tuple[int, int]]]:
    return [
        [
            (int(document), int(start) + token)
            for document, start, length in pieces[first:stop]
            for token in range(length)
        ]
        for first, stop in pairwise(row_starts)
    ]


@settings(deadline=None)
@given(st.lists(st.integers(0, 25), max_size=30), st.integers(1, 12))
def test_sequences_equal_those_of_packing_token_by_token(lengths: list[int], size: int) -> None:
    assert unpacked(*chunk(np.array(lengths, np.int64), size)) == literal_rows(lengths, size)


@settings(deadline=None)
@given(st.lists(st.integers(0, 25), max_size=30), st.integers(1, 12))
def test_every_token_is_packed_and_only_the_last_sequence_is_padded(
    lengths: list[int], size: int
) -> None:
    row_starts, pieces = chunk(np.array(lengths, np.int64), size)
    rows = len(row_starts) - 1
    packed_tokens = int(pieces["length"].sum())
    padding = rows * size - packed_tokens
    assert packed_tokens == sum(lengths)
    assert 0 <= padding < size


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 5), st.randoms())
def test_another_order_packs_the_documents_as_if_they_were_stored_in_it(
    lengths: list[int], size: int, random: object
) -> None:
    order = list(range(len(lengths)))
    random.shuffle(order)  # type: ignore[attr-defined]
    rows = unpacked(
        *pack_in_order(chunk, np.array(lengths, np.int64), np.array(order, np.int64), size)
    )
    expected = literal_rows([lengths[number] for number in order], size)
    assert rows == [[(order[document], token) for document, token in row] for row in expected]


def test_a_document_longer_than_four_billion_tokens_is_split_at_the_right_offsets() -> None:
    _, pieces = chunk(np.array([2**33 + 1], np.int64), 2**31)
    assert pieces["start"].tolist() == [0, 2**31, 2**32, 3 * 2**31, 2**33]
    assert pieces["length"].tolist() == [2**31] * 4 + [1]


def test_no_documents_give_no_sequences() -> None:
    row_starts, pieces = chunk(np.array([], np.int64), 8)
    assert row_starts.tolist() == [0]
    assert len(pieces) == 0


def test_documents_are_ordered_by_key_and_then_by_text() -> None:
    keys = np.array([2**64 - 1, 5, 5, 2**63], np.uint64)
    texts = np.array([0, 9, 3, 0], np.uint64)
    assert document_order(keys, texts).tolist() == [2, 1, 3, 0]


@settings(deadline=None)
@given(st.permutations(range(8)))
def test_the_order_of_the_input_does_not_change_the_packing_order(input_order: list[int]) -> None:
    keys = np.array([3, 3, 1, 0, 9, 9, 2**64 - 1, 4], np.uint64)[input_order]
    texts = np.array([1, 2, 0, 0, 7, 8, 0, 0], np.uint64)[input_order]
    order = document_order(keys, texts)
    assert [input_order[number] for number in order] == [3, 2, 0, 1, 7, 4, 5, 6]
