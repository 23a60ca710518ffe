"""What one rank computes in a step: its micro-batches, read ahead of time.

Choices:
- All micro-batches of a step are drawn before the first is computed: the loss is divided by the
  number of targets in all of them.
- A thread reads the next steps while this one is computed. What is random in a batch follows from
  the seed, the step and the row, so it doesn't depend on when, nor on who makes it; what goes wrong
  in the thread is raised where the step is asked for.
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
from lmkit.objectives.registry import Objective
from lmkit.packing.token_rows import NO_TARGET, Rows

PREFETCH_STEPS = 2
"""Steps whose rows are read before they are needed."""


class TrainingRows(Protocol):
    """Rows that can be read in any order, such as `TokenRows`."""

    def __len__(self) -> int: ...

    def read(self, rows: NDArray[np.int64]) -> Rows: ...  # noqa: D102


Arguments = dict[str, Tensor]
"""What a model is called with."""


@dataclass(frozen=True)
class StepBatches:
    """What one rank computes in one step."""

    step: int
    batches: list[Arguments]
    targets: int
    tokens: int
    """Padding not counted."""
    dropped: int = 0
    """Text tokens that the objective left out."""


def step_batches(
    seed: int,
    step: int,
    micro_batches: list[NDArray[np.int64]],
    data: TrainingRows,
    objective: Objective,
    pin: bool,
) -> StepBatches:
    """Read the rows of each pass of a step; `pin` them where a GPU is to fetch them."""
    batches: list[Arguments] = []
    targets = tokens = dropped = 0
    for rows in micro_batches:
        # A pass over no rows still has to run, or the other ranks wait for its gradients.
        numbers = rows if len(rows) else np.zeros(1, np.int64)
        sequences = data.read(numbers)
        batch = objective(sequences, row_keys(seed, step, numbers))
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
    """Make the work of each step in a thread, some steps before it is asked for."""
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
