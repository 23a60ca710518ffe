"""lm-eval.json: the scores of tasks in the form that lm-evaluation-harness writes them in.

Choices:
- Tools that read its results read these: `results`, `groups`, `group_subtasks`, `n-shot`,
  `n-samples` and `higher_is_better`, with keys like `acc,none` and "N/A" for no standard error.
- What only that program has (its git hash, versions of its tasks, hashes of prompts) is left out,
  and so are dates: the same scores are the same bytes.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from lmkit.evaluation.tasks.task_scores import GroupScores, ScoreRecord, TaskScores

LM_EVAL_JSON = "lm-eval.json"
LOWER_IS_BETTER = {"perplexity", "bits_per_byte", "byte_perplexity", "word_perplexity"}


def lm_eval_json(
    tasks: Mapping[str, TaskScores], groups: Mapping[str, GroupScores], checkpoint: str
) -> dict[str, Any]:
    """Return the content of lm-eval.json."""
    task_results = {
        name: {"alias": name, **_numbers(each.scores), "sample_len": each.items}
        for name, each in tasks.items()
    }
    group_results = {
        name: {"alias": name, **_numbers(each.scores)} for name, each in groups.items()
    }
    return {
        "results": task_results | group_results,
        "groups": group_results,
        "group_subtasks": {
            name: [task for task in tasks if PurePosixPath(name) in PurePosixPath(task).parents]
            for name in groups
        },
        "n-shot": {name: each.shots for name, each in tasks.items()},
        "higher_is_better": {
            name: {score: score not in LOWER_IS_BETTER for score in each.scores}
            for name, each in tasks.items()
        },
        "n-samples": {
            name: {"original": each.items, "effective": each.items} for name, each in tasks.items()
        },
        "config": {"model": "lmkit", "model_args": checkpoint},
    }


def _numbers(scores: Mapping[str, ScoreRecord]) -> dict[str, float | str | None]:
    found: dict[str, float | str | None] = {}
    for name, score in scores.items():
        found[f"{name},none"] = score.value
        found[f"{name}_stderr,none"] = "N/A" if score.stderr is None else score.stderr
    return found
