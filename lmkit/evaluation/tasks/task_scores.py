"""The scores of tasks and of groups of them, as they stand in scores.json.

Choices:
- A group is a folder of tasks, with those of the folders in it. Its scores are the unweighted means
  of those that all its tasks have, as lm-evaluation-harness has it for BLiMP: a paradigm counts as
  much as another one, however many items it has.
- Accuracy is also shown centered: 0 is chance, 1 is perfect. So tasks with different numbers of
  choices can be compared, and a small model at chance is recognized. That of a group is the mean of
  its tasks', as the CORE score of DCLM is.
- A number that is no number in JSON, such as the score of a diverged model, is null.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from lmkit.artifacts.manifest import Record
from lmkit.evaluation.tasks.item import Answer
from lmkit.evaluation.tasks.measures import Estimate, centered, estimate, pooled
from lmkit.evaluation.tasks.task_file import Task

ACCURACY = "acc"


class ScoreRecord(Record):
    """A score and its standard error; None where there is none."""

    value: float | None
    stderr: float | None

    @classmethod
    def of(cls, found: Estimate) -> "ScoreRecord":
        """Return the record of an estimate."""
        return cls(value=_finite(found.value), stderr=_finite(found.stderr))


class TaskScores(Record):
    """The scores of a task."""

    kind: str
    style: str = "lm-eval"
    """Whose prompts and scores they are."""
    method: str
    """How the options were scored: `likelihood`, `pll within-word`, ..."""
    items: int
    shots: int
    scores: dict[str, ScoreRecord]
    chance: float | None
    """The accuracy of random answers."""
    centered: float | None
    """The accuracy from chance (0) to perfect (1)."""
    cut: int
    """Items with a context that is longer than the model reads."""
    seams: int
    """Items with a context whose tokens alone aren't those that it has before the continuation."""
    ties: int
    """Items with several options that are the most likely one."""


class GroupScores(Record):
    """The scores of a group of tasks."""

    tasks: int
    items: int
    scores: dict[str, ScoreRecord]
    chance: float | None
    centered: float | None


def task_scores(task: Task, answers: Sequence[Answer], method: str) -> TaskScores:
    """Return the scores of the answers to all items of a task, given how they were scored."""
    found = {name: estimate(measure, answers) for name, measure in task.measures.items()}
    accuracy = found.get(ACCURACY)
    return TaskScores(
        kind=task.kind.name,
        style=task.style.name,
        method=method,
        items=len(answers),
        shots=0 if task.kind.is_whole_text else task.settings.shots,
        scores={name: ScoreRecord.of(each) for name, each in found.items()},
        chance=task.chance,
        centered=_centered(accuracy and accuracy.value, task.chance),
        cut=sum(any(scored.is_cut for scored in answer.scored) for answer in answers),
        seams=sum(any(scored.has_seam for scored in answer.scored) for answer in answers),
        ties=sum(answer.is_tie for answer in answers),
    )


def group_scores(tasks: Mapping[str, TaskScores]) -> dict[str, GroupScores]:
    """Return the scores of each folder with two tasks or more."""
    groups: dict[str, list[TaskScores]] = {}
    for name, scores in tasks.items():
        for parent in reversed(PurePosixPath(name).parents[:-1]):
            groups.setdefault(str(parent), []).append(scores)
    return {name: _group(members) for name, members in groups.items() if len(members) > 1}


def _group(members: Sequence[TaskScores]) -> GroupScores:
    names = [name for name in members[0].scores if all(name in each.scores for each in members)]
    scores = {
        name: _pooled([(each.scores[name], each.items) for each in members]) for name in names
    }
    chances = [each.chance for each in members if each.chance is not None]
    chance = _mean_of_all(chances, members)
    centered_values = [each.centered for each in members if each.centered is not None]
    return GroupScores(
        tasks=len(members),
        items=sum(each.items for each in members),
        scores=scores,
        chance=chance,
        centered=_mean_of_all(centered_values, members),
    )


def _mean_of_all(values: Sequence[float], members: Sequence[TaskScores]) -> float | None:
    """Return the mean, if all members of a group have a value."""
    return math.fsum(values) / len(values) if len(values) == len(members) else None


def _pooled(scores: Sequence[tuple[ScoreRecord, int]]) -> ScoreRecord:
    nan = math.nan
    estimates = [
        (Estimate(nan if score.value is None else score.value, score.stderr), items)
        for score, items in scores
    ]
    return ScoreRecord.of(pooled(estimates))


def _centered(accuracy: float | None, chance: float | None) -> float | None:
    return None if accuracy is None or chance is None else centered(accuracy, chance)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
