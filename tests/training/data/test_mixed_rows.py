from collections import Counter
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from lmkit.packing.token_rows import TokenSequences
from lmkit.training.data.batch_sizes import BatchRange
from lmkit.training.data.mixed_rows import MixedRows
from lmkit.training.data.mixture import rows_so_far
from lmkit.training.data.sequence_order import micro_batches_of_rank

LENGTH = 4


def folder(rows: int, first: int) -> TokenSequences:
    """Sequences that are all different, one document each."""
    documents = [(np.arange(LENGTH) + first + LENGTH * row, 1) for row in range(rows)]
    return TokenSequences.from_documents(documents, LENGTH, pad=0)


FOLDERS = [folder(10, 100), folder(3, 1_000), folder(7, 2_000)]
SHARES = [Fraction(5, 10), Fraction(3, 10), Fraction(2, 10)]
MIXED = MixedRows(FOLDERS, SHARES)
FIRST = [0, 10, 13, 20]


def of_folder(rows: np.ndarray) -> list[int]:
    return [int(((rows >= a) & (rows < b)).sum()) for a, b in pairwise(FIRST)]


def rows_of_steps(steps: range, batch: int = 6, seed: int = 5) -> list[np.ndarray]:
    ranges = [BatchRange(step, (step - 1) * batch, batch) for step in steps]
    return [MIXED.order(seed, each, len(MIXED)) for each in ranges]


def test_each_batch_has_the_expected_sequences() -> None:
    for step, rows in enumerate(rows_of_steps(range(1, 40)), start=1):
        due = np.diff([rows_so_far(6 * (step - 1), SHARES), rows_so_far(6 * step, SHARES)], axis=0)
        assert of_folder(rows) == due[0].tolist()


def test_every_folder_is_read_epoch_after_epoch() -> None:
    stream = np.concatenate(rows_of_steps(range(1, 101)))
    for number, rows in enumerate(np.diff(FIRST).tolist()):
        own = [row for row in stream.tolist() if FIRST[number] <= row < FIRST[number + 1]]
        times = Counter(own)
        assert len(times) == rows
        assert max(times.values()) - min(times.values()) <= 1
        assert len(own) == rows_so_far(600, SHARES)[number]


def test_the_batches_of_a_run_are_those_of_one_large_batch() -> None:
    """The start of a run, and its division into steps, change nothing about what is read."""
    fine = sorted(np.concatenate(rows_of_steps(range(1, 11), batch=6)).tolist())
    coarse = sorted(np.concatenate(rows_of_steps(range(1, 3), batch=30)).tolist())
    assert fine == coarse
    again = rows_of_steps(range(7, 9))
    assert [rows.tolist() for rows in again] == [
        r.tolist() for r in rows_of_steps(range(1, 11))[6:8]
    ]


def test_folders_are_shuffled_within_a_batch_depending_on_the_seed() -> None:
    first_halves = [of_folder(rows[:3]) for rows in rows_of_steps(range(1, 200))]
    mean = np.mean(first_halves, axis=0)
    assert mean == pytest.approx([1.5, 0.9, 0.6], abs=0.2)
    assert (
        np.concatenate(rows_of_steps(range(1, 9))).tolist()
        != np.concatenate(rows_of_steps(range(1, 9), seed=6)).tolist()
    )


def test_folders_of_equal_size_have_different_orders() -> None:
    twins = MixedRows([folder(64, 0), folder(64, 1_000)], [Fraction(1, 2)] * 2)
    rows = twins.order(1, BatchRange(1, 0, 128), 128)
    one, two = (rows[rows < 64].tolist(), (rows[rows >= 64] - 64).tolist())
    assert sorted(one) == sorted(two) == list(range(64))
    assert one != two


def test_ranks_split_the_same_batch() -> None:
    rows = MIXED.order(3, BatchRange(4, 30, 10), len(MIXED))
    parts = [p for rank in range(3) for p in micro_batches_of_rank(rows, rank, 3, micro_batch=2)]
    assert np.concatenate(parts).tolist() == rows.tolist()


def test_sequences_are_read_in_the_given_order() -> None:
    rows = np.array([12, 0, 19, 3, 10, 12])
    read = MIXED.read(rows)
    for place, row in enumerate(rows.tolist()):
        number = sum(row >= first for first in FIRST[1:3])
        alone = FOLDERS[number].read(np.array([row - FIRST[number]]))
        for name, values in vars(alone).items():
            assert vars(read)[name][place].tolist() == values[0].tolist()
