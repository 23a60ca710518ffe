import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from lmkit.counter_rng import row_keys
from lmkit.objectives.batch import Batch
from lmkit.objectives.clm.objective import clm
from lmkit.packing.token_rows import SequenceBatch
from lmkit.training.data.step_batches import (
    StepBatches,
    groups_of_steps,
    prefetch,
    read_micro_batches,
    step_batches,
)
from tests.training.tiny import RaggedRows


def test_targets_and_tokens_are_counted_over_all_micro_batches_without_padding() -> None:
    rows = RaggedRows()
    passes = [np.array([0, 1, 2]), np.array([3])]
    batches_of_step = step_batches(1, 4, passes, read_micro_batches(rows, passes), clm, pin=False)
    read = rows.read(np.arange(4))
    assert batches_of_step.tokens == int((read.documents_BT == 1).sum())
    # Each sequence is one document here, and its last token has no target.
    assert batches_of_step.targets == batches_of_step.tokens - 4
    assert [len(batch["tokens_BT"]) for batch in batches_of_step.batches] == [3, 1]


def test_an_empty_micro_batch_has_no_targets_and_counts_nothing() -> None:
    parts = [np.array([], np.int64)]
    read = read_micro_batches(RaggedRows(), parts)
    batches_of_step = step_batches(1, 1, parts, read, clm, pin=False)
    assert (batches_of_step.targets, batches_of_step.tokens) == (0, 0)
    assert torch.all(batches_of_step.batches[0]["targets_BT"] == -100)


def test_an_objective_gets_the_keys_of_seed_step_and_sequences() -> None:
    given: list[np.ndarray] = []

    def objective(rows: SequenceBatch, keys_B: np.ndarray) -> Batch:
        given.append(keys_B)
        return replace(clm(rows), dropped=2)

    parts = [np.array([5, 2]), np.array([9])]
    read = read_micro_batches(RaggedRows(), parts)
    batches_of_step = step_batches(7, 4, parts, read, objective, pin=False)
    expected = row_keys(7, 4, np.array([5, 2, 9]))
    assert np.array_equal(np.concatenate(given), expected)
    assert batches_of_step.dropped == 4


def test_micro_batches_are_read_together_and_each_gets_its_own_sequences() -> None:
    rows = RaggedRows(rows=200, length=256)
    sizes = [30, 0, 33, 1, 80, 2]  # 64 at once; a larger one alone
    parts = [np.arange(first, first + size) for first, size in enumerate(sizes)]
    found = list(read_micro_batches(rows, parts))
    assert [len(read) for read in rows.rows_read] == [64, 1, 80, 2]
    for part, (numbers, sequences) in zip(parts, found, strict=True):
        assert numbers.tolist() == (part.tolist() or [0])
        alone = rows.read(numbers)
        assert all(np.array_equal(vars(sequences)[key], vars(alone)[key]) for key in vars(alone))


@pytest.mark.parametrize(
    ("tokens", "size"), [(100, 16), (1024, 16), (3072, 5), (2**14, 1), (2**20, 1)]
)
def test_small_steps_are_read_in_groups(tokens: int, size: int) -> None:
    groups = list(groups_of_steps(range(3, 50), tokens))
    assert [step for group in groups for step in group] == list(range(3, 50))
    assert {len(group) for group in groups[:-1]} == {size}


def test_prefetching_keeps_the_order_and_is_a_few_groups_ahead() -> None:
    made: list[range] = []

    def make(steps: range) -> list[StepBatches]:
        made.append(steps)
        return [StepBatches(step, [], 0, 0) for step in steps]

    works = prefetch(make, groups_of_steps(range(1, 200), 4096))
    assert [next(works).step for _ in range(6)] == [1, 2, 3, 4, 5, 6]
    works.close()
    assert [steps.start for steps in made] == [1, 5, 9, 13][: len(made)]
    assert not [t for t in threading.enumerate() if t.name.startswith("rows")]


@pytest.mark.parametrize("size", [1, 4])
def test_an_error_while_reading_is_raised_at_its_step(size: int) -> None:
    def make(steps: range) -> list[StepBatches]:
        if 3 in steps:
            raise OSError("gone")
        return [StepBatches(step, [], 0, 0) for step in steps]

    works = prefetch(make, groups_of_steps(range(1, 20), 2**14 // size))
    assert [next(works).step, next(works).step] == [1, 2]
    with pytest.raises(OSError, match="gone"):
        next(works)
