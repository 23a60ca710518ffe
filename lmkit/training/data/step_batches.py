"""The batches that one rank computes in a step, prefetched.

Choices:
- All micro-batches of a step are made before the first is computed: the loss is divided by the
  number of targets in all of them.
- A thread reads the next steps while this one is computed. The random numbers of a batch depend on
  the seed, the step and the sequence, so they don't depend on when, nor on where it is made; errors
  in the thread are raised when the step is needed.
- Small steps are read several at once: that takes hardly longer than reading one, and meanwhile the
  thread holds the interpreter's lock, so that training waits.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lmkit.counter_rng import row_keys
from lmkit.objectives.batch import MakeBatch
from lmkit.packing.token_rows import NO_TARGET, SequenceBatch

PREFETCHED = 2
"""Groups of steps whose sequences are read before they are needed."""
READ_TOGETHER = 2**14
"""Tokens that are read at once; more, if a micro-batch has more."""
MOST_STEPS = 16
"""In a group."""


class TrainingRows(Protocol):
    """Sequences that can be read in any order, such as `TokenSequences`."""

    @property
    def sequence_length(self) -> int: ...  # noqa: D102

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


def groups_of_steps(steps: range, tokens: int) -> Iterator[range]:
    """Yield the steps in groups that are read together; a step has so many tokens at most.

    >>> list(groups_of_steps(range(1, 10), tokens=16 * 256))
    [range(1, 5), range(5, 9), range(9, 10)]
    """
    size = min(max(READ_TOGETHER // tokens, 1), MOST_STEPS)
    return (steps[first : first + size] for first in range(0, len(steps), size))


def read_micro_batches(
    data: TrainingRows, micro_batches: Iterable[NDArray[np.int64]]
) -> Iterator[tuple[NDArray[np.int64], SequenceBatch]]:
    """Yield the numbers and the sequences of each micro-batch; an empty one gets the first."""
    together: list[NDArray[np.int64]] = []
    tokens = 0
    for rows in micro_batches:
        # An empty micro-batch still has to run, or the other ranks wait for its gradients.
        numbers = rows if len(rows) else np.zeros(1, np.int64)
        more = len(numbers) * data.sequence_length
        if together and tokens + more > READ_TOGETHER:
            yield from _read_together(data, together)
            together, tokens = [], 0
        together.append(numbers)
        tokens += more
    if together:
        yield from _read_together(data, together)


def _read_together(
    data: TrainingRows, parts: list[NDArray[np.int64]]
) -> Iterator[tuple[NDArray[np.int64], SequenceBatch]]:
    sequences = data.read(np.concatenate(parts))
    first = 0
    for rows in parts:
        yield rows, sequences.rows(first, first + len(rows))
        first += len(rows)


def step_batches(
    seed: int,
    step: int,
    micro_batches: Sequence[NDArray[np.int64]],
    read: Iterator[tuple[NDArray[np.int64], SequenceBatch]],
    make_batch: MakeBatch,
    pin: bool,
) -> StepBatches:
    """Make a step's batches of what is `read` next; `pin` them where a GPU will copy them."""
    batches: list[Arguments] = []
    targets = tokens = dropped = 0
    for rows in micro_batches:
        numbers, sequences = next(read)
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


def prefetch(
    make: Callable[[range], list[StepBatches]], groups: Iterable[range]
) -> Generator[StepBatches]:
    """Make the batches of groups of steps in a thread, before they are needed."""
    queued: deque[tuple[range, Future[list[StepBatches]]]] = deque()
    pool = ThreadPoolExecutor(1, thread_name_prefix="rows")
    try:
        for group in groups:
            queued.append((group, pool.submit(make, group)))
            if len(queued) > PREFETCHED:
                yield from _made(make, *queued.popleft())
        while queued:
            yield from _made(make, *queued.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _made(
    make: Callable[[range], list[StepBatches]], group: range, future: Future[list[StepBatches]]
) -> Iterator[StepBatches]:
    """Yield the batches of a group; after an error make them one by one, up to the faulty step."""
    if future.exception() is None or len(group) == 1:
        yield from future.result()
        return
    for number in range(len(group)):
        yield from make(group[number : number + 1])
