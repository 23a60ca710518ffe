"""The scores of a model, as they stand in scores.json: on held-out text, and on tasks."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lmkit.errors import LmkitError
from lmkit.evaluation.tasks.task_scores import GroupScores, TaskScores, group_scores
from lmkit.evaluation.text_score import Score

SCORES = "scores.json"


@dataclass(frozen=True)
class Scores:
    """The scores of a model."""

    loss: float
    perplexity: float
    bits_per_byte: float
    tokens: int
    """Predicted tokens of held-out text; 0 where there was only tasks."""
    bytes: int
    checkpoint: str
    tasks: Mapping[str, TaskScores] = field(default_factory=dict[str, TaskScores])

    @classmethod
    def of(cls, score: Score, checkpoint: Path, tasks: Mapping[str, TaskScores]) -> "Scores":
        """Return the scores of sums, and of tasks."""
        return cls(
            score.loss,
            score.perplexity,
            score.bits_per_byte,
            score.tokens,
            score.bytes,
            checkpoint.name,
            tasks,
        )

    @property
    def groups(self) -> dict[str, GroupScores]:
        """The scores of groups of tasks."""
        return group_scores(self.tasks)

    def to_json(self) -> dict[str, Any]:
        """Return the content of scores.json."""
        numbers = {
            "loss": self.loss,
            "perplexity": self.perplexity,
            "bits_per_byte": self.bits_per_byte,
        }
        groups = {name: each.model_dump(mode="json") for name, each in self.groups.items()}
        return {
            # A diverged model scores NaN, for which JSON has no number.
            **{name: value if math.isfinite(value) else None for name, value in numbers.items()},
            "tokens": self.tokens,
            "bytes": self.bytes,
            "tasks": {name: each.model_dump(mode="json") for name, each in self.tasks.items()},
            **({"groups": groups} if self.tasks else {}),
            "checkpoint": self.checkpoint,
        }


def read_scores(folder: Path) -> Scores:
    """Read scores.json. Raises LmkitError."""
    try:
        values: dict[str, Any] = json.loads((folder / SCORES).read_text("utf-8"))
        values.pop("groups", None)
        for name in ("loss", "perplexity", "bits_per_byte"):
            values[name] = math.nan if values[name] is None else values[name]
        tasks = values.pop("tasks").items()
        found = {name: TaskScores.model_validate(each) for name, each in tasks}
        return Scores(**values, tasks=found)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise LmkitError(f"{folder / SCORES}: corrupt", "--overwrite makes it again") from None
