"""Scores of tasks as rows of a table: each score with its standard error, and chance."""

from collections.abc import Mapping
from typing import Any

from lmkit.evaluation.tasks.task_scores import GroupScores, ScoreRecord, TaskScores

COLUMNS = ("acc", "acc_norm", "perplexity", "bits_per_byte")
"""The scores that are shown; scores.json has more."""


def score_sections(
    tasks: Mapping[str, TaskScores], groups: Mapping[str, GroupScores]
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the tasks, and those of the groups."""
    shown = [name for name in COLUMNS if any(name in each.scores for each in tasks.values())]
    task_rows = [
        {
            "task": name,
            "items": each.items,
            "shots": each.shots,
            **_cells(each.scores, shown),
            "chance": _number(each.chance),
            "centered": _number(each.centered),
            "notes": _notes(each),
        }
        for name, each in tasks.items()
    ]
    group_rows = [
        {
            "group": name,
            "tasks": each.tasks,
            "items": each.items,
            **_cells(each.scores, shown),
            "chance": _number(each.chance),
            "centered": _number(each.centered),
        }
        for name, each in groups.items()
    ]
    return {"tasks": task_rows, "groups": group_rows}


def _cells(scores: Mapping[str, ScoreRecord], shown: list[str]) -> dict[str, str]:
    return {name: _with_error(scores[name]) if name in scores else "" for name in shown}


def _with_error(score: ScoreRecord) -> str:
    """Return a score with its standard error.

    >>> _with_error(ScoreRecord(value=0.5, stderr=0.0123456))
    '0.5000 ± 0.0123'
    """
    value = _number(score.value)
    return value if score.stderr is None else f"{value} ± {score.stderr:.4f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _notes(scores: TaskScores) -> str:
    """Return what to know about a task's scores."""
    counts = {"ties": scores.ties, "contexts cut": scores.cut, "with a seam": scores.seams}
    return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
