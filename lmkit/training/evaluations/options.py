"""Options of what a run is asked while it trains.

Choice: none of them changes a weight, so a run resumes whatever they were before.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from lmkit.config import Group
from lmkit.evaluation.tasks.options import TaskOptions, TaskPrompts


class EvaluatedTasks(Group):
    """Which tasks are scored, and when."""

    tasks: tuple[Path, ...] = ()
    """Task file (JSON lines), or a folder of them, or a quoted pattern; repeat it for several.
    Their scores are in metrics.jsonl and TensorBoard."""

    every: Annotated[int, Field(ge=1)] | None = 250
    """Steps between two scorings; none: only after the last step."""


class EvaluationConfig(TaskPrompts, EvaluatedTasks):
    """Scores on tasks while training."""

    limit: Annotated[int, Field(ge=1)] | None = 200
    """Score only the first items of each task; none: all."""

    @property
    def task_options(self) -> TaskOptions:
        """The options as `lmkit eval` has them."""
        prompts = {name: getattr(self, name) for name in TaskPrompts.model_fields}
        return TaskOptions(task=self.tasks, **prompts)


class SampleConfig(Group):
    """Texts that the model generates while training."""

    prompts: Path | None = None
    """File with a prompt on each line, or .jsonl, as for lmkit generate; the texts are in
    samples.jsonl and TensorBoard. none: generate nothing."""

    every: Annotated[int, Field(ge=1)] | None = 250
    """Steps between samples; none: only after the last step."""

    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Most tokens of each text, as for lmkit generate; none: 200, more to restore a whole text,
    fewer where learned positions run out."""

    temperature: Annotated[float, Field(ge=0)] = 0.8
    """Below 1, likely tokens become likelier; 0 always takes the likeliest."""
