"""The scores of a run's model on tasks, measured by all processes together.

Choices:
- With `ddp` the processes share the items, as those of `lmkit eval` do.
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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lmkit.evaluation.processes import ALONE, Processes
from lmkit.evaluation.tasks.dealt_tasks import answer_together
from lmkit.evaluation.tasks.likelihoods.target_likelihood import (
    Groups,
    SpanLikelihood,
    SpanLikelihoods,
)
from lmkit.evaluation.tasks.task_scorer import ScoredModel, task_scorer
from lmkit.evaluation.tasks.task_scores import (
    GroupScores,
    TaskScores,
    group_scores,
    task_scores,
)
from lmkit.training.distributed.parallelism import Parallelism
from lmkit.training.evaluations.planned_tasks import PlannedTasks
from lmkit.training.metrics import Scores

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
        precision = "bf16" if is_bf16 else "fp32"
        options = planned.options.task_options
        self._parallelism, self._tasks = parallelism, planned.tasks
        self._scorer = task_scorer(scored, options, precision, micro_batch)
        self._processes = ALONE
        if parallelism.mode == "ddp":
            fast = task_scorer(scored, options, precision)
            likelihoods = Cautious(fast.likelihoods, self._scorer.likelihoods)
            self._scorer = replace(fast, likelihoods=likelihoods)
            self._processes = Processes(
                parallelism.data_parallel_rank, parallelism.data_parallel_size, self._reduce_sum
            )

    def __call__(self, on_item: Callable[[], None] = lambda: None) -> MeasuredTasks:
        """Measure them; all processes have to. `on_item` is called first, and after each item."""
        start = time.perf_counter()
        on_item()
        with self._parallelism.whole_model():
            found = answer_together(self._scorer, self._tasks, self._processes, on_item)
            tasks = {
                task.name: task_scores(task, answers, self._scorer.method)
                for task, answers in zip(self._tasks, found, strict=True)
            }
        return MeasuredTasks(tasks, group_scores(tasks), time.perf_counter() - start)

    def _reduce_sum(self, local: Tensor) -> Tensor:
        device = self._parallelism.accelerator.device
        return self._parallelism.reduce_sum(local.to(device)).cpu()


class Cautious:
    """Scores as one does, and as another one from when memory has run out."""

    def __init__(self, first: SpanLikelihoods, then: SpanLikelihoods) -> None:
        self._score, self._then = first, then

    def __call__(self, groups: Groups) -> list[SpanLikelihood]:
        """Return the likelihood of every span, in order."""
        try:
            return self._score(groups)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            self._score = self._then
        return self._score(groups)
