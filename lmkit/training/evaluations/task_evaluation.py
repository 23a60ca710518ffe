"""The scores of a run's model on tasks, measured by all processes together.

Choices:
- With `ddp` each process answers every n-th item, and what they found is added up: each item has
  one process that found it, and zeros from the others. The examples of an item are drawn over all
  items, as by `lmkit eval`, so the prompts don't depend on the number of processes.
- With `fsdp` and `tensor` each forward pass needs all processes, so every process answers every
  item. That costs as much as in one process.
- The model is computed as `lmkit eval` computes it, in bf16 where the run trains in bf16. As many
  sequences at a time as compute fast; where memory runs out, as many as in training, which fit with
  their gradients.
- Nothing of it is random, and the model is handed back as it was: a run has the same weights, bit
  by bit, with tasks and without.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import torch

from lmkit.evaluation.tasks.item import Answer, Request, Scored
from lmkit.evaluation.tasks.task_file import Task
from lmkit.evaluation.tasks.task_scorer import ScoredModel, TaskScorer, task_scorer
from lmkit.evaluation.tasks.task_scores import (
    GroupScores,
    TaskScores,
    group_scores,
    task_scores,
)
from lmkit.training.distributed.parallelism import Parallelism
from lmkit.training.evaluations.planned_tasks import PlannedTasks
from lmkit.training.metrics import Scores

NUMBERS: tuple[type, ...] = tuple(Scored.__annotations__.values())
"""The types of what is known about a request."""
MAX_SHOWN = 4
SHOWN_SCORES = ("acc", "bits_per_byte", "perplexity")
"""The score that is printed: the first of these that a task has."""


@dataclass(frozen=True)
class MeasuredTasks:
    """The scores of all tasks, and of groups of them."""

    tasks: dict[str, TaskScores]
    groups: dict[str, GroupScores]
    seconds: float

    @property
    def records(self) -> tuple[Scores, Scores | None]:
        """The values for the record of a step; of groups None where there is none."""
        return _values(self.tasks), _values(self.groups) or None

    def shown(self) -> str:
        """Return a line: the groups and the tasks outside of them."""
        outside = {
            name: scores
            for name, scores in self.tasks.items()
            if not any(name.startswith(f"{group}/") for group in self.groups)
        }
        scores = [_shown(name, each) for name, each in (self.groups | outside).items()]
        more = [f"and {len(scores) - MAX_SHOWN:,} more"] if len(scores) > MAX_SHOWN else []
        count = f"{len(self.tasks):,} {'task' if len(self.tasks) == 1 else 'tasks'}"
        return f"{count} in {self.seconds:.1f} s: " + ", ".join([*scores[:MAX_SHOWN], *more])


def _values(measured: Mapping[str, TaskScores | GroupScores]) -> Scores:
    return {
        name: {
            score: math.nan if each.value is None else each.value
            for score, each in scores.scores.items()
        }
        for name, scores in measured.items()
    }


def _shown(name: str, scores: TaskScores | GroupScores) -> str:
    score = next((each for each in SHOWN_SCORES if each in scores.scores), None)
    value = scores.scores[score].value if score else None
    return f"{name} {score or ''} {'-' if value is None else f'{value:.4f}'}"


class TaskEvaluation:
    """Measures the scores of a model on tasks."""

    def __init__(
        self, parallelism: Parallelism, planned: PlannedTasks, scored: ScoredModel, micro_batch: int
    ) -> None:
        is_bf16 = parallelism.accelerator.mixed_precision == "bf16"
        self._precision: Literal["fp32", "bf16"] = "bf16" if is_bf16 else "fp32"
        self._parallelism, self._scored, self._micro_batch = parallelism, scored, micro_batch
        self._options, self._tasks = planned.options.task_options, planned.tasks
        is_ddp = parallelism.mode == "ddp"
        self._rank = parallelism.data_parallel_rank if is_ddp else 0
        self._size = parallelism.data_parallel_size if is_ddp else 1
        self._requests = [tuple(task.requests()) for task in planned.tasks]
        self._scorer = self._scorer_with(None if is_ddp else micro_batch)

    def __call__(self, on_task: Callable[[], None] = lambda: None) -> MeasuredTasks:
        """Measure them; all processes have to. `on_task` is called before each task."""
        start = time.perf_counter()
        answers: list[list[Answer]] = []
        with self._parallelism.whole_model():
            for task, requests in zip(self._tasks, self._requests, strict=True):
                on_task()
                local = DealtTask.of(task, requests, self._rank, self._size)
                answers.append(self._answers(local))
        if self._size > 1:
            answers = self._of_all_processes(answers)
        tasks = {
            task.name: task_scores(task, found, self._scorer.method)
            for task, found in zip(self._tasks, answers, strict=True)
        }
        return MeasuredTasks(tasks, group_scores(tasks), time.perf_counter() - start)

    def _scorer_with(self, micro_batch: int | None) -> TaskScorer:
        return task_scorer(self._scored, self._options, self._precision, micro_batch)

    def _answers(self, task: Task) -> list[Answer]:
        """Return the answers to this process's items of a task."""
        try:
            return list(self._scorer.answers(task))
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            self._scorer = self._scorer_with(self._micro_batch)
        return list(self._scorer.answers(task))

    def _of_all_processes(self, answers: Sequence[Sequence[Answer]]) -> list[list[Answer]]:
        """Return the answers to all items of each task, given those of this process."""
        rows = sum(len(item) for requests in self._requests for item in requests)
        found_R5 = torch.zeros(rows, len(NUMBERS), dtype=torch.float64)
        row = 0
        for requests, local in zip(self._requests, answers, strict=True):
            for number, item in enumerate(requests):
                if number % self._size == self._rank:
                    scored = [list(map(float, each)) for each in local[number // self._size].scored]
                    found_R5[row : row + len(item)] = torch.tensor(scored, dtype=torch.float64)
                row += len(item)
        device = self._parallelism.accelerator.device
        all_found = iter(self._parallelism.reduce_sum(found_R5.to(device)).tolist())
        return [
            [
                Answer(item, tuple(_scored(next(all_found)) for _ in each))
                for item, each in zip(task.items, requests, strict=True)
            ]
            for task, requests in zip(self._tasks, self._requests, strict=True)
        ]


def _scored(numbers: Sequence[float]) -> Scored:
    return Scored(*(kind(number) for kind, number in zip(NUMBERS, numbers, strict=True)))


@dataclass(frozen=True)
class DealtTask(Task):
    """The items of a task that one process answers, with their requests."""

    dealt: tuple[tuple[Request, ...], ...] = ()

    @classmethod
    def of(
        cls, task: Task, requests: Sequence[tuple[Request, ...]], rank: int, size: int
    ) -> "DealtTask":
        """Return every n-th item of a task, given the requests of all."""
        values: dict[str, Any] = {each.name: getattr(task, each.name) for each in fields(task)}
        values["items"] = task.items[rank::size]
        return cls(**values, dealt=tuple(requests[rank::size]))

    def requests(self) -> Iterator[tuple[Request, ...]]:
        """Yield the requests of each item, in order."""
        yield from self.dealt
