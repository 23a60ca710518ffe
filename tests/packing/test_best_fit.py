from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmkit.packing.best_fit import best_fit, best_fit_rows

Piece = tuple[int, int, int]
LENGTHS = st.lists(st.integers(0, 30), max_size=40)


def literal_best_fit_decreasing(lengths: list[int], size: int) -> list[set[Piece]]:
    """Search all sequences for every piece; their age is the time when they last took one."""
    pieces: list[Piece] = []
    for document, length in enumerate(lengths):
        for start in range(0, length, size):
            pieces.append((document, start, min(size, length - start)))
    rows: list[set[Piece]] = []
    space: list[int] = []
    age: list[int] = []
    for now, piece in enumerate(sorted(pieces, key=lambda piece: -piece[2])):
        fitting = [row for row in range(len(rows)) if space[row] >= piece[2]]
        row = min(fitting, key=lambda row: (space[row], age[row]), default=len(rows))
        if row == len(rows):
            rows.append(set())
            space.append(size)
            age.append(0)
        rows[row].add(piece)
        space[row] -= piece[2]
        age[row] = now
    return rows


def packed(lengths: list[int], size: int) -> list[list[Piece]]:
    row_starts, pieces = best_fit(np.array(lengths, np.int64), size)
    found = [(int(d), int(start), int(length)) for d, start, length in pieces]
    return [found[first:stop] for first, stop in pairwise(row_starts)]


@given(LENGTHS, st.integers(1, 20))
def test_sequences_equal_literal_best_fit_decreasing(lengths: list[int], size: int) -> None:
    expected = literal_best_fit_decreasing(lengths, size)
    found = [set(row) for row in packed(lengths, size)]
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))


def test_sequences_equal_literal_best_fit_decreasing_for_many_documents() -> None:
    lengths = np.random.default_rng(0).lognormal(np.log(45), 1.25, 1_500).astype(int).tolist()
    expected = literal_best_fit_decreasing(lengths, 204)
    assert sorted(map(sorted, packed(lengths, 204))) == sorted(map(sorted, expected))


@given(LENGTHS, st.integers(1, 20))
def test_every_token_is_packed_once_and_no_document_that_fits_is_split(
    lengths: list[int], size: int
) -> None:
    rows = packed(lengths, size)
    packed_tokens = [
        (d, start + n) for row in rows for d, start, length in row for n in range(length)
    ]
    assert sorted(packed_tokens) == [
        (d, n) for d, length in enumerate(lengths) for n in range(length)
    ]
    assert all(0 < sum(length for *_, length in row) <= size for row in rows)
    pieces = [document for row in rows for document, *_ in row]
    assert all(pieces.count(d) == -(-length // size) for d, length in enumerate(lengths))


@given(LENGTHS, st.integers(1, 20))
def test_sequences_and_their_pieces_are_in_the_order_of_the_documents(
    lengths: list[int], size: int
) -> None:
    rows = packed(lengths, size)
    assert all(row == sorted(row) for row in rows)
    assert rows == sorted(rows)


def test_the_fullest_sequence_with_enough_space_takes_a_piece() -> None:
    # By hand: 6, 5 and 5 open sequences of 10, the second 5 fills the second one; 3 fits into 4.
    assert best_fit_rows(np.array([3, 5, 6, 5], np.int64), 10).tolist() == [0, 1, 0, 1]


def test_less_than_half_a_percent_is_padding_on_lengths_like_those_of_the_web() -> None:
    # A lognormal's median is exp(mu) and its mean exp(mu + sigma^2 / 2).
    sigma = np.sqrt(2 * np.log(980 / 450))
    sampled = np.random.default_rng(0).lognormal(np.log(450), sigma, 50_000)
    lengths = np.maximum(1, sampled).astype(np.int64)
    row_starts, _ = best_fit(lengths, 2_048)
    assert 1 - lengths.sum() / ((len(row_starts) - 1) * 2_048) < 0.005


def test_no_documents_give_no_sequences() -> None:
    row_starts, pieces = best_fit(np.array([0, 0], np.int64), 8)
    assert row_starts.tolist() == [0]
    assert len(pieces) == 0
