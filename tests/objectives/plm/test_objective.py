from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.counter_rng import uniform
from lmkit.objectives.batch import Batch
from lmkit.objectives.plm.objective import FILL, LEFT_CONTEXT, LENGTH, plm
from lmkit.packing.token_rows import NO_TARGET, SequenceBatch
from lmkit.tokenizers.word_boundaries import WordBoundaries
from tests.objectives.texts import (
    IS_ORDINARY_V,
    SPECIAL,
    VOCABULARY,
    full_rows,
    keys_of,
    random_text,
    rows_of,
    some_documents,
    with_bos_eos,
)

# Ids that can be divided by 3 begin a word.
WORDS = WordBoundaries([None if n < SPECIAL else "b" if n % 3 else " a" for n in range(VOCABULARY)])
SINGLE_TOKEN_WORDS = WordBoundaries([" a"] * VOCABULARY)


def permuted(
    rows: SequenceBatch, step: int = 1, words: WordBoundaries = WORDS, **options: Any
) -> Batch:
    return plm(rows, keys_of(rows, step), IS_ORDINARY_V, words, **options)


def literal_mask(
    is_start: list[bool],
    length_u: np.ndarray,
    left_u: np.ndarray,
    fill_u: np.ndarray,
    target_count: int,
) -> list[bool]:
    """What XLNet's _sample_mask does with one segment, token by token, at mask_alpha 6."""
    odds = [1 / n for n in range(1, 6)]
    seg_len, mask, num_predict, cur_len = len(is_start), [False] * len(is_start), 0, 0
    while cur_len < seg_len and num_predict < target_count:
        n = 1
        while n < 5 and length_u[cur_len] >= sum(odds[:n]) / sum(odds):
            n += 1
        n = min(n, target_count - num_predict)
        l_ctx = int(left_u[cur_len] * 6 * n)
        beg = cur_len + l_ctx
        while beg < seg_len and not is_start[beg]:
            beg += 1
        end = beg + n
        if end >= seg_len:
            break
        mask[beg:end] = [True] * n
        num_predict += n
        cur_len = end + 6 * n - l_ctx
    for index in np.argsort(fill_u):
        if num_predict < target_count and not mask[index]:
            mask[index] = True
            num_predict += 1
    return mask


@given(documents=some_documents(80), length=st.integers(3, 120), step=st.integers(0, 9))
def test_targets_are_those_of_xlnets_code(
    documents: list[list[int]], length: int, step: int
) -> None:
    rows = rows_of(documents, length)
    order_BT = permuted(rows, step).order_BT
    assert order_BT is not None
    keys = keys_of(rows, step)
    sampled_length = [uniform(keys, stream, length) for stream in (LENGTH, LEFT_CONTEXT, FILL)]
    for row, (ids, numbers) in enumerate(zip(rows.tokens_BT, rows.documents_BT, strict=True)):
        before = 0
        for number in range(1, numbers.max() + 1):
            indices = np.flatnonzero((numbers == number) & (ids >= SPECIAL))
            # Distributed over the sequence so that the sum is a sixth, rounded.
            target_count = (before + len(indices) + 3) // 6 - (before + 3) // 6
            before += len(indices)
            starts = [
                bool(ids[index] % 3 == 0 or n == 0 or indices[n - 1] != index - 1)
                for n, index in enumerate(indices)
            ]
            mask = literal_mask(starts, *(u[row][indices] for u in sampled_length), target_count)
            assert (order_BT[row][indices] >= 0).tolist() == mask
        assert (order_BT[row][ids < SPECIAL] == -1).all()


def test_85_of_512_tokens_are_targets() -> None:
    batch = permuted(full_rows(100, 512))
    assert batch.order_BT is not None and batch.queries_BQ is not None
    assert ((batch.order_BT >= 0).sum(axis=1) == 85).all()  # as in XLNet's published command
    assert batch.queries_BQ.shape == batch.targets_BT.shape == (100, 85)
    assert (batch.targets_BT != NO_TARGET).all()


def test_spans_of_n_tokens_have_odds_of_one_over_n() -> None:
    # Every token begins a word, and single ones are added only after all spans:
    # the first span of a sequence is a sampled one.
    rows = full_rows(10_000, 240)
    batch = permuted(rows, words=SINGLE_TOKEN_WORDS)
    assert batch.order_BT is not None
    sampled_length = uniform(keys_of(rows), LENGTH, 1)[:, 0]
    lengths = 1 + np.searchsorted(np.cumsum(1 / np.arange(1, 5)) / (137 / 60), sampled_length)
    for n, count in Counter(lengths.tolist()).items():
        odds = 60 / 137 / n
        assert abs(count - 10_000 * odds) < 3 * (10_000 * odds * (1 - odds)) ** 0.5
    left_context = uniform(keys_of(rows), LEFT_CONTEXT, 1)[:, 0]
    begins = (left_context * 6 * lengths).astype(int)
    for row in range(200):
        span = slice(begins[row], begins[row] + lengths[row])
        assert (batch.order_BT[row, span] >= 0).all()


@given(documents=some_documents(80), length=st.integers(3, 120))
def test_queries_are_the_targets_columns_and_their_real_tokens(
    documents: list[list[int]], length: int
) -> None:
    rows = rows_of(documents, length)
    batch = permuted(rows)
    assert batch.order_BT is not None and batch.queries_BQ is not None
    assert np.array_equal(batch.tokens_BT, rows.tokens_BT)  # the content stream holds all tokens
    for row in range(len(rows.tokens_BT)):
        columns = np.flatnonzero(batch.order_BT[row] >= 0)
        queries = batch.queries_BQ[row, : len(columns)]
        assert queries.tolist() == columns.tolist()
        assert (
            batch.targets_BT[row, : len(columns)].tolist() == rows.tokens_BT[row, queries].tolist()
        )
        assert (batch.targets_BT[row, len(columns) :] == NO_TARGET).all()
        assert (batch.queries_BQ[row, len(columns) :] == 0).all()
        assert sorted(batch.order_BT[row, columns].tolist()) == list(range(len(columns)))


def test_all_orders_of_a_sequence_are_equally_likely() -> None:
    batch = permuted(full_rows(12_000, 24), words=SINGLE_TOKEN_WORDS)  # 4 targets
    assert batch.order_BT is not None
    orders = Counter(tuple(row[row >= 0]) for row in batch.order_BT)
    assert len(orders) == 24
    chi_square = sum((count - 500) ** 2 / 500 for count in orders.values())
    assert chi_square < 23 + 4 * 46**0.5


@pytest.mark.parametrize("block", [8, 12, 24])
def test_blocks_are_in_order_as_xlnets_halves_are(block: int) -> None:
    batch = permuted(full_rows(300, 48), block=block)
    assert batch.order_BT is not None
    out_of_order = 0
    for row in batch.order_BT:
        columns = np.flatnonzero(row >= 0)
        in_order = columns[np.argsort(row[columns])]
        assert (np.diff(in_order // block) >= 0).all()
        out_of_order += int((np.diff(in_order) < 0).any())
    assert out_of_order > 200  # within a block they are in any order


def test_targets_depend_on_word_starts_only() -> None:
    # Targets depend on where words begin, and on nothing else of a token.
    rows = full_rows(20, 60)
    other = SequenceBatch(**{**vars(rows), "tokens_BT": (rows.tokens_BT + 3 * 17) % 900 + 30})
    same_starts = np.array_equal(other.tokens_BT % 3 == 0, rows.tokens_BT % 3 == 0)
    assert same_starts
    for before, after in zip(
        (permuted(rows).order_BT, permuted(rows).queries_BQ),
        (permuted(other).order_BT, permuted(other).queries_BQ),
        strict=True,
    ):
        assert before is not None and after is not None
        assert np.array_equal(before, after)


def test_a_sequence_is_permuted_the_same_in_every_batch() -> None:
    rows = rows_of([with_bos_eos(random_text(60, n)) for n in range(30)], 64)
    one_sequence = SequenceBatch(**{name: values[7:8] for name, values in vars(rows).items()})
    alone = plm(one_sequence, keys_of(rows)[7:8], IS_ORDINARY_V, WORDS)
    batch = permuted(rows)
    assert alone.order_BT is not None and batch.order_BT is not None
    assert np.array_equal(alone.order_BT[0], batch.order_BT[7])
