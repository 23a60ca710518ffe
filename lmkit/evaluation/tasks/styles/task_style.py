"""What a style decides: the text of prompts, how they are divided into tokens, the right answer.

Choices:
- The same file gives different scores in lm-evaluation-harness, in llm-foundry and in nanochat: in
  the examples that are drawn, the text between them, the tokens at the seam of question and answer,
  and the length by which likelihoods are divided. A style is all of these together, so a score can
  be compared with a published one.
- A style scores the kinds of tasks that its program has; the others are scored in the style of
  lm-evaluation-harness.
- A style knows no model, and no torch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lmkit.evaluation.tasks.item import Item, Request
from lmkit.evaluation.tasks.kinds.task_kind import Options
from lmkit.evaluation.tasks.measures import Measure, OptionLength
from lmkit.evaluation.tasks.task_settings import TaskSettings
from lmkit.evaluation.tasks.token_division import Division


class ExamplePool(NamedTuple):
    """Where the solved examples of a prompt come from."""

    items: Sequence[Item]
    is_own: bool
    """Whether these are the items of the task itself."""


@dataclass(frozen=True)
class TaskStyle:
    """A style."""

    name: str
    defaults: Mapping[str, Any]
    """Settings of tasks that aren't in their TOML files."""
    rendered: Callable[[Options, TaskSettings], Options]
    """Returns the content of an item as it stands in prompts."""
    prompts: Callable[[Sequence[Item], ExamplePool, TaskSettings], Iterator[tuple[Request, ...]]]
    """Yields the requests of each item, in order."""
    division: Division
    measures: Mapping[str, Mapping[str, Measure]] | None = None
    """What is measured, by the names of the kinds that the style has; None: all kinds, as they
    define it."""
    option_length: OptionLength | None = None
    """Divides the log-likelihoods of the options before they are compared; None: nothing."""
    ordered: Callable[[Sequence[Item]], Sequence[Item]] = tuple
    """Returns the items in the order in which they are asked."""


def solved(item: Item, settings: TaskSettings) -> str:
    """Return an item with its right answer, without what follows an example."""
    option = item.options[item.gold]
    return option.context + settings.delimiter + option.continuation
