"""Options of every command that scores a model on task files.

Choice: which tasks, and how they are asked, are two groups, since `lmkit pretrain` names its tasks
with another option.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from lmkit.config import Group


class NamedTasks(Group):
    """Which tasks."""

    task: tuple[Path, ...] = ()
    """Task file (JSON lines), or a folder of them, or a quoted pattern; repeat it for several."""


class TaskPrompts(Group):
    """How the prompts of tasks are made, and their answers scored."""

    shots: Annotated[int, Field(ge=0)] | None = None
    """Solved examples before each question; none: as the task's TOML file sets it, else 0."""

    limit: Annotated[int, Field(ge=1)] | None = None
    """Score only the first items of each task; none: all."""

    style: Literal["lm-eval", "llm-foundry", "core"] = "lm-eval"
    """Whose prompts and scores: lm-evaluation-harness', llm-foundry's, or nanochat's CORE."""

    delimiter: str | None = None
    """What separates a question from its answer; none: as the task's TOML file sets it, else a
    space."""

    example_delimiter: str | None = None
    """What follows each example; none: as the task's TOML file sets it, else an
    empty line; llm-foundry: a new line."""

    prompt_suffix: str | None = "auto"
    """Text to add to each question; auto: "Answer:" in a new line, where a question begins with
    "Question:" and lacks it."""

    pll: Literal["within-word", "original"] = "within-word"
    """How an encoder with masks scores a text: what is masked to predict a token, the rest of its
    word too, or only the token."""

    how: Literal["sentinel", "lm-eval"] = "sentinel"
    """How an encoder-decoder scores a continuation: as a masked span, as it was trained, or as the
    target of a plain context, as lm-evaluation-harness does."""


class TaskOptions(TaskPrompts, NamedTasks):
    """Which tasks, and how their prompts are made."""
