import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from lmkit.counter_rng import row_keys
from lmkit.objectives.batch import Batch
from lmkit.objectives.clm.objective import clm
from lmkit.packing.token_rows import SequenceBatch
from lmkit.training.data.step_batches import StepBatches, prefetch, step_batches
from tests.training.tiny import RaggedRows


def test_targets_and_tokens_are_counted_over_all_micro_batches_without_padding() -> None:
    rows = RaggedRows()
    passes = [np.array([0, 1, 2]), np.array([3])]
    batches_of_step = step_batches(1, 4, passes, rows, clm, pin=False)
    read = rows.read(np.arange(4))
    assert batches_of_step.tokens == int((read.documents_BT == 1).sum())
    # Each sequence is one document here, and its last token has no target.
    assert batches_of_step.targets == batches_of_step.tokens - 4
    assert [len(batch["tokens_BT"]) for batch in batches_of_step.batches] == [3, 1]


def test_an_empty_micro_batch_has_no_targets_and_counts_nothing() -> None:
    batches_of_step = step_batches(1, 1, [np.array([], np.int64)], RaggedRows(), clm, pin=False)
    assert (batches_of_step.targets, batches_of_step.tokens) == (0, 0)
    assert torch.all(batches_of_step.batches[0]["targets_BT"] == -100)


def test_an_objective_gets_the_keys_of_seed_step_and_sequences() -> None:
    given: list[np.ndarray] = []

    def objective(rows: SequenceBatch, keys_B: np.ndarray) -> Batch:
        given.append(keys_B)
        return replace(clm(rows), dropped=2)

    batches_of_step = step_batches(
        7, 4, [np.array([5, 2]), np.array([9])], RaggedRows(), objective, pin=False
    )
    expected = row_keys(7, 4, np.array([5, 2, 9]))
    assert np.array_equal(np.concatenate(given), expected)
    assert batches_of_step.dropped == 4


def test_prefetching_keeps_the_order_and_is_a_few_steps_ahead() -> None:
    made: list[int] = []

    def make(step: int) -> StepBatches:
        made.append(step)
        return StepBatches(step, [], 0, 0)

    works = prefetch(make, range(1, 20))
    assert [next(works).step for _ in range(3)] == [1, 2, 3]
    works.close()
    assert made == sorted(made) and len(made) <= 5
    assert not [t for t in threading.enumerate() if t.name.startswith("rows")]


def test_an_error_while_reading_is_raised_at_its_step() -> None:
    def make(step: int) -> StepBatches:
        if step == 3:
            raise OSError("gone")
        return StepBatches(step, [], 0, 0)

    works = prefetch(make, range(1, 20))
    assert [next(works).step, next(works).step] == [1, 2]
    with pytest.raises(OSError, match="gone"):
        next(works)
