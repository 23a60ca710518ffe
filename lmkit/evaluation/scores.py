"""The scores of a model, as they stand in scores.json: on held-out text, and on tasks."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lmkit.errors import LmkitError
from lmkit.evaluation.tasks.task_scores import GroupScores, TaskScores, group_scores
from lmkit.evaluation.text_score import Score
from lmkit.execution.short_view import ShortView
from lmkit.storage.json_bytes import read_object

SCORES = "scores.json"
MOST_SHOWN = 5
"""Tasks in what a Python shell shows."""


@dataclass(frozen=True)
class TextScores:
    """The scores on a held-out text."""

    loss: float
    perplexity: float
    bits_per_byte: float
    tokens: int
    """Predicted tokens; 0 where there are only tasks."""
    bytes: int

    @classmethod
    def of(cls, score: Score) -> "TextScores":
        """Return the scores of sums."""
        values = score.loss, score.perplexity, score.bits_per_byte
        return cls(*values, score.tokens, score.bytes)

    def to_json(self) -> dict[str, float | int | None]:
        """Return the values; None for NaN, as of a diverged model, for which JSON has no number."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "TextScores":
        """Return the scores of values. Raises KeyError, or TypeError for what is no number."""
        numbers = (values[name] for name in ("loss", "perplexity", "bits_per_byte"))
        loss, perplexity, bits = (math.nan if each is None else each for each in numbers)
        counts = values["tokens"], values["bytes"]
        if any(type(each) not in (int, float) for each in (loss, perplexity, bits)) or any(
            type(each) is not int for each in counts
        ):
            raise TypeError("no numbers")
        return cls(loss, perplexity, bits, *counts)


@dataclass(frozen=True, repr=False)
class Scores(ShortView):
    """The scores of a model."""

    text: TextScores
    """On all held-out text."""
    checkpoint: str
    tasks: Mapping[str, TaskScores] = field(default_factory=dict[str, TaskScores])
    sources: Mapping[str, TextScores] = field(default_factory=dict[str, TextScores])
    """On the held-out text of each source, where there are several."""

    @classmethod
    def of(
        cls, sources: Mapping[str, Score], checkpoint: Path, tasks: Mapping[str, TaskScores]
    ) -> "Scores":
        """Return the scores of sums by source, and of tasks."""
        text = TextScores.of(sum(sources.values(), Score(0.0, 0, 0)))
        by_source = {name: TextScores.of(score) for name, score in sources.items()}
        return cls(text, checkpoint.name, tasks, by_source if len(by_source) > 1 else {})

    def short_view(self) -> tuple[str, Mapping[str, str]]:
        """Return what a Python shell shows of them."""
        facts = dict[str, str]()
        if self.text.tokens:
            facts |= {"loss": f"{self.text.loss:.4f}", "perplexity": f"{self.text.perplexity:.2f}"}
        if self.text.bytes:
            facts["bits per byte"] = f"{self.text.bits_per_byte:.4f}"
        for name, task in list(self.tasks.items())[:MOST_SHOWN]:
            numbers = ((key, each.value) for key, each in task.scores.items())
            facts[name] = ", ".join(f"{key} {v:.4f}" for key, v in numbers if v is not None)
        return f"lmkit eval: {self.checkpoint}", facts

    @property
    def groups(self) -> dict[str, GroupScores]:
        """The scores of groups of tasks."""
        return group_scores(self.tasks)

    def to_json(self) -> dict[str, Any]:
        """Return the content of scores.json."""
        sources = {name: each.to_json() for name, each in self.sources.items()}
        groups = {name: each.model_dump(mode="json") for name, each in self.groups.items()}
        return {
            **self.text.to_json(),
            **({"sources": sources} if sources else {}),
            "tasks": {name: each.model_dump(mode="json") for name, each in self.tasks.items()},
            **({"groups": groups} if self.tasks else {}),
            "checkpoint": self.checkpoint,
        }


def read_scores(folder: Path) -> Scores:
    """Read scores.json. Raises LmkitError."""
    try:
        values = read_object(folder / SCORES)
        tasks = {name: TaskScores.model_validate(each) for name, each in values["tasks"].items()}
        sources = {
            name: TextScores.from_json(each) for name, each in values.get("sources", {}).items()
        }
        return Scores(TextScores.from_json(values), values["checkpoint"], tasks, sources)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise LmkitError(f"{folder / SCORES}: corrupt", "--overwrite makes it again") from None


def source_rows(sources: Mapping[str, TextScores]) -> list[dict[str, Any]]:
    """Return the scores of sources as rows of a table."""
    return [
        {
            "source": name,
            "loss": f"{each.loss:.4f}",
            "perplexity": f"{each.perplexity:.2f}",
            "bits_per_byte": f"{each.bits_per_byte:.4f}" if each.bytes else "",
            "tokens": each.tokens,
            "bytes": each.bytes,
        }
        for name, each in sources.items()
    ]
