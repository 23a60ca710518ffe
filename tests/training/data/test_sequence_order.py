from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmkit.training.data.sequence_order import micro_batches_of_rank, rows_at


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**64 - 1), rows=st.integers(1, 700), batch=st.integers(1, 300))
def test_every_sequence_is_read_exactly_once_per_epoch(seed: int, rows: int, batch: int) -> None:
    steps = -(-3 * rows // batch)
    stream = np.concatenate(
        [rows_at(seed, (s - 1) * batch, batch, rows) for s in range(1, steps + 1)]
    )
    for epoch in range(3):
        assert np.array_equal(np.sort(stream[epoch * rows : (epoch + 1) * rows]), np.arange(rows))


@pytest.mark.parametrize(("rows", "batch"), [(97, 25), (3000, 700), (1024, 2048)])
def test_the_stream_does_not_depend_on_the_size_of_the_batch(rows: int, batch: int) -> None:
    whole = rows_at(7, 0, 24 * batch, rows)
    parts = [rows_at(7, step * batch, batch, rows) for step in range(24)]
    assert np.array_equal(np.concatenate(parts), whole)


def literal_row(seed: int, offset: int, rows: int) -> int:
    """Twelve rounds of a Feistel network, again until the number is one of a sequence."""

    def splitmix64(z: int) -> int:
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    golden = 0x9E3779B97F4A7C15
    epoch, value = divmod(offset, rows)
    key = splitmix64(splitmix64((seed + (epoch + 1) * golden) % 2**64))
    bits = (rows - 1).bit_length()
    low_bits = (bits + 1) // 2
    while True:
        low, high = value % 2**low_bits, value >> low_bits
        for number in range(1, 13):
            half = high if number % 2 else low
            mixed = splitmix64((half * golden + key + number * golden) % 2**64)
            if number % 2:
                low ^= mixed % 2**low_bits
            else:
                high ^= mixed % 2 ** (bits - low_bits)
        value = high << low_bits | low
        if value < rows:
            return value


@settings(deadline=None, max_examples=100)
@given(seed=st.integers(0, 2**64 - 1), offset=st.integers(0, 2**34), rows=st.integers(1, 2**32))
def test_the_order_is_that_of_the_literal_network(seed: int, offset: int, rows: int) -> None:
    expected = [literal_row(seed, offset + number, rows) for number in range(3)]
    assert rows_at(seed, offset, 3, rows).tolist() == expected


@pytest.mark.parametrize("rows", [2, 3, 4, 5])
def test_all_orders_of_a_few_sequences_are_about_equally_frequent(rows: int) -> None:
    seeds = 400 if rows < 5 else 2400
    seen = Counter(
        tuple(order)
        for seed in range(seeds // 4)
        for order in rows_at(seed, (1 - 1) * 4 * rows, 4 * rows, rows).reshape(4, rows).tolist()
    )
    orders = list(permutations(range(rows)))
    expected = seeds / len(orders)
    chi_square = sum((seen[order] - expected) ** 2 / expected for order in orders)
    # Its mean is the number of orders minus one, its deviation the root of twice that.
    freedom = len(orders) - 1
    assert chi_square < freedom + 4 * (2 * freedom) ** 0.5


def test_neighbours_are_separated() -> None:
    order = rows_at(3, 0, 10_000, 10_000)
    steps = np.abs(np.diff(order))
    # Two positions of a uniform shuffle are a third of the length apart on average.
    assert abs(steps.mean() / 10_000 - 1 / 3) < 0.01
    assert abs(np.corrcoef(np.arange(10_000), order)[0, 1]) < 0.04
    assert (steps == 1).sum() < 15  # two are expected


def test_epochs_and_seeds_have_separate_orders() -> None:
    first = rows_at(0, 0, 100, 100)
    assert not np.array_equal(first, rows_at(0, 100, 100, 100))
    assert not np.array_equal(first, rows_at(1, 0, 100, 100))


def test_billions_of_sequences_cost_no_memory() -> None:
    rows = rows_at(0, 12_345_677 * 64, 64, 5_000_000_000)
    assert len(set(rows.tolist())) == 64
    assert rows.min() >= 0 and rows.max() < 5_000_000_000


@pytest.mark.parametrize("ranks", [1, 2, 3, 8])
@pytest.mark.parametrize("micro_batch", [1, 2, 5])
def test_ranks_split_a_batch_and_have_the_same_number_of_micro_batches(
    ranks: int, micro_batch: int
) -> None:
    for size in range(1, 12):
        rows = np.arange(100, 100 + size)
        fractions = [micro_batches_of_rank(rows, rank, ranks, micro_batch) for rank in range(ranks)]
        assert len({len(share) for share in fractions}) == 1
        joined = np.concatenate([part for share in fractions for part in share])
        assert np.array_equal(joined, rows)
        assert all(len(part) <= micro_batch for share in fractions for part in share)
