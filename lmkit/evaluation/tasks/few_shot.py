"""The solved examples of a prompt.

Choices:
- Drawn as lm-evaluation-harness draws them: one generator for a task, used item after item, so the
  examples of an item depend on the number of items before it, and `--limit` keeps the first ones.
- Without a file of examples, they come from the task itself: one more is drawn, and the item itself
  is left out. Where a file has the same record twice, all its copies are left out.
"""

from collections import Counter
from collections.abc import Sequence
from random import Random

from lmkit.errors import InputError
from lmkit.evaluation.tasks.item import Item

SEED = 1234
"""lm-evaluation-harness' own."""


class ExampleSampler:
    """Returns the examples of a task's items, which are given in order."""

    def __init__(self, pool: Sequence[Item], shots: int, *, is_own: bool, first: bool) -> None:
        self._pool, self._shots = list(pool), shots
        self._is_own, self._first = is_own, first
        self._random = Random(SEED)

    def sample(self, item: Item) -> list[Item]:
        """Return the examples of an item."""
        if not self._shots:
            return []
        if self._first:
            others = [each for each in self._pool if not (self._is_own and _same(each, item))]
            return others[: self._shots]
        if not self._is_own:
            return self._random.sample(self._pool, self._shots)
        drawn = self._random.sample(self._pool, self._shots + 1)
        found = [each for each in drawn if not _same(each, item)][: self._shots]
        if len(found) == self._shots:
            return found
        others = [each for each in self._pool if not _same(each, item)]
        return self._random.sample(others, self._shots)


def _content(item: Item) -> tuple[object, ...]:
    return item.contexts, item.continuations, item.gold


def _same(one: Item, other: Item) -> bool:
    return _content(one) == _content(other)


def refuse_small_pool(pool: Sequence[Item], shots: int, *, is_own: bool, where: str) -> None:
    """Raise InputError where there are too few examples for some item."""
    most = max(Counter(map(_content, pool)).values(), default=0)
    available = len(pool) - (most if is_own else 0)
    if shots > available:
        raise InputError(
            f"{where}: --shots: got {shots}, must be at most {available}: it has {len(pool)} items",
            "ask for fewer examples, or name a file of examples in the task's TOML file",
        )
