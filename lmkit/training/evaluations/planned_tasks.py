"""The tasks of a run, read and checked before its model is built.

Choices:
- Whatever is wrong with a task is an error while the run is planned: that its file can't be read,
  that the model's objective can't answer it, and that a continuation is longer than the model
  reads.
- A task isn't an input of the run, since no weight depends on it: a run resumes whatever happened
  to its tasks. But scores of two questions can't be compared. So a run records a digest of what
  each task asks, and warns where it has become another.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from lmkit.artifacts.options import ReadsRecords
from lmkit.errors import ConfigError, RequestError
from lmkit.evaluation.tasks.likelihoods.target_likelihood import Groups, SpanLikelihood
from lmkit.evaluation.tasks.options import TaskPrompts
from lmkit.evaluation.tasks.task_file import Task, read_task_files
from lmkit.evaluation.tasks.task_scorer import ScoredModel, task_scorer
from lmkit.training.evaluations.options import EvaluationConfig

MAX_RECORD = ReadsRecords.model_fields["max_record"].default
AS_TYPED = re.compile(
    "--(task|" + "|".join(name.replace("_", "-") for name in TaskPrompts.model_fields) + r")\b"
)
"""The options of `lmkit eval` in its errors."""
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class PlannedTasks:
    """Tasks that a run's model can answer."""

    options: EvaluationConfig
    tasks: tuple[Task, ...]
    digests: dict[str, str]
    """Of what each task asks, by its name."""


def plan_tasks(options: EvaluationConfig, scored: ScoredModel) -> PlannedTasks:
    """Read the tasks of a run and check them with a stand-in of its model.

    Raises InputError for what is wrong with a file, and ConfigError if the model can't answer.
    """
    return _with_options_as_typed(lambda: _planned(options, scored))


def _planned(options: EvaluationConfig, scored: ScoredModel) -> PlannedTasks:
    tasks = read_task_files(options.task_options, MAX_RECORD).tasks
    scorer = task_scorer(scored, options.task_options)
    unscored = replace(scorer, likelihoods=_unscored)
    for task in tasks:
        for _ in unscored.answers(task):
            pass
    return PlannedTasks(options, tasks, {task.name: digest(task, scorer.method) for task in tasks})


def _unscored(groups: Groups) -> list[SpanLikelihood]:
    return [SpanLikelihood(0.0, False) for item in groups for request in item for _ in request]


def digest(task: Task, method: str) -> str:
    """Return a hash of all that the scores of a task depend on, apart from the model."""
    items = [
        [requests, item.gold] for requests, item in zip(task.requests(), task.items, strict=True)
    ]
    text = json.dumps([task.kind.name, method, items])
    return hashlib.sha256(text.encode()).hexdigest()


def _with_options_as_typed(function: Callable[[], ResultT]) -> ResultT:
    """Call a function; name the options in its errors as `lmkit pretrain` has them."""
    try:
        return function()
    except RequestError as error:
        message, hint = (
            AS_TYPED.sub(_as_typed, text or "") for text in (error.message, error.hint)
        )
        if isinstance(error, ConfigError) and "--data" in hint:
            hint = "leave it out; the validation loss measures such a run"
        raise type(error)(message, hint or None) from None


def _as_typed(found: re.Match[str]) -> str:
    return "--eval.tasks" if found[1] == "task" else f"--eval.{found[1]}"
