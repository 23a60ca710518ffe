"""Tasks that several processes answer together.

Choices:
- Blocks of items are dealt in turn, over all tasks, and not items: what a model computes for an
  item depends, in rounding, on those that it is batched with. So the answers are the same to the
  bit for every number of processes.
- The examples of an item are drawn over all items of its task: its prompt depends on no block.
- Processes wait for each other after some tasks, of which each has had several blocks; one process
  alone answers one task after the other.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import count

import torch

from lmkit.evaluation.processes import Processes
from lmkit.evaluation.tasks.item import Answer, Scored
from lmkit.evaluation.tasks.task_file import Task
from lmkit.evaluation.tasks.task_scorer import ITEMS_AT_A_TIME, TaskScorer, blocks

NUMBERS: tuple[type, ...] = tuple(Scored.__annotations__.values())
"""The types of what is known about a request."""
BLOCKS_EACH = 8
"""Blocks that each process gets before it waits for the others."""


def answer_together(
    scorer: TaskScorer,
    tasks: Sequence[Task],
    processes: Processes,
    step: Callable[[], None] = lambda: None,
) -> Iterator[list[Answer]]:
    """Yield the answers to all items of each task, in order; all processes have to iterate alike.

    `step` is called after each item, whichever process answers it. Raises InputError.
    """
    if processes.size == 1:
        yield from (list(scorer.answers(task, step)) for task in tasks)
        return
    for some in _rounds(tasks, processes.size):
        yield from _round_answers(scorer, some, processes, step)


def _rounds(tasks: Sequence[Task], processes: int) -> Iterator[list[Task]]:
    some: list[Task] = []
    wanted = 0
    for task in tasks:
        some.append(task)
        wanted += -(-len(task.items) // ITEMS_AT_A_TIME)
        if wanted >= BLOCKS_EACH * processes:
            yield some
            some, wanted = [], 0
    if some:
        yield some


def _round_answers(
    scorer: TaskScorer, tasks: Sequence[Task], processes: Processes, step: Callable[[], None]
) -> list[list[Answer]]:
    """Answer this process's blocks, and return the answers to all."""
    numbers = count()
    rows: list[list[float]] = []
    sizes: list[list[int]] = []
    for task in tasks:
        sizes.append([])
        for block in blocks(task):
            sizes[-1] += [len(requests) for _, requests in block]
            if processes.answers_for(next(numbers)):
                answers = scorer.block_answers(task, block, step)
                rows += [list(map(float, each)) for answer in answers for each in answer.scored]
                continue
            for _, requests in block:
                rows += [[0.0] * len(NUMBERS) for _ in requests]
                step()
    found = iter(processes.reduce_sum(torch.tensor(rows, dtype=torch.float64)).tolist())
    return [
        [
            Answer(item, tuple(_scored(next(found)) for _ in range(size)))
            for item, size in zip(task.items, sizes_of_items, strict=True)
        ]
        for task, sizes_of_items in zip(tasks, sizes, strict=True)
    ]


def _scored(numbers: Sequence[float]) -> Scored:
    return Scored(*(kind(number) for kind, number in zip(NUMBERS, numbers, strict=True)))
