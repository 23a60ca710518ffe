"""The batches that one rank computes in a step, prefetched.

Choices:
- All micro-batches of a step are made before the first is computed: the loss is divided by the
  number of targets in all of them.
- A thread reads the next steps while this one is computed. The random numbers of a batch depend on
  the seed, the step and the sequence, so they don't depend on when, nor on where it is made; errors
  in the thread are raised when the step is needed.
"""

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lmkit.counter_rng import row_keys
from lmkit.objectives.batch import MakeBatch
from lmkit.packing.token_rows import NO_TARGET, SequenceBatch

PREFETCH_STEPS = 2
"""Steps whose sequences are read before they are needed."""


class TrainingRows(Protocol):
    """Sequences that can be read in any order, such as `TokenSequences`."""

    def __len__(self) -> int: ...

    def read(self, rows: NDArray[np.int64]) -> SequenceBatch: ...  # noqa: D102


Arguments = dict[str, Tensor]
"""The arguments of a model."""


@dataclass(frozen=True)
class StepBatches:
    """What one rank computes in one step."""

    step: int
    batches: list[Arguments]
    targets: int
    tokens: int
    """Padding not counted."""
    dropped: int = 0
    """Text tokens that the objective dropped."""


def step_batches(
    seed: int,
    step: int,
    micro_batches: list[NDArray[np.int64]],
    data: TrainingRows,
    make_batch: MakeBatch,
    pin: bool,
) -> StepBatches:
    """Read the sequences of each micro-batch of a step; `pin` them where a GPU will copy them."""
    batches: list[Arguments] = []
    targets = tokens = dropped = 0
    for rows in micro_batches:
        # An empty micro-batch still has to run, or the other ranks wait for its gradients.
        numbers = rows if len(rows) else np.zeros(1, np.int64)
        sequences = data.read(numbers)
        batch = make_batch(sequences, row_keys(seed, step, numbers))
        if len(rows):
            targets += batch.targets
            tokens += int(np.count_nonzero(sequences.documents_BT))
            dropped += batch.dropped
        else:
            batch = replace(batch, targets_BT=np.full_like(batch.targets_BT, NO_TARGET))
        arguments = batch.tensors()
        if pin:
            arguments = {name: t.pin_memory() for name, t in arguments.items()}
        batches.append(arguments)
    return StepBatches(step, batches, targets, tokens, dropped)


def prefetch(make: Callable[[int], StepBatches], steps: range) -> Generator[StepBatches]:
    """Make the batches of each step in a thread, some steps before they are needed."""
    queued: deque[Future[StepBatches]] = deque()
    pool = ThreadPoolExecutor(1, thread_name_prefix="rows")
    try:
        for step in steps:
            queued.append(pool.submit(make, step))
            if len(queued) > PREFETCH_STEPS:
                yield queued.popleft().result()
        while queued:
            yield queued.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
