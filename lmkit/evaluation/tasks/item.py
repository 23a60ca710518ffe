"""An item of a task: what is asked, what may follow, and which of that is right.

Choice: every kind of task has items of this one form, so prompts, examples and likelihoods are made
in one way for all. Where several contexts share a continuation (Winograd schemas), there is one
continuation; where several continuations share a context, there is one context.
"""

from dataclasses import dataclass
from typing import NamedTuple


class Request(NamedTuple):
    """A continuation whose likelihood after a context is computed."""

    context: str
    continuation: str
    before: str = ""
    """Text before the context that is encoded by itself."""


@dataclass(frozen=True)
class Item:
    """An item of a task file."""

    line: int
    """The number of its line, from 1."""
    contexts: tuple[str, ...]
    continuations: tuple[str, ...]
    """Without the delimiter that separates them from the context."""
    gold: int
    """The index of the right option; of several ones, of the first that is named."""
    also_right: tuple[int, ...] = ()
    """The indices of the others."""

    @property
    def right(self) -> tuple[int, ...]:
        """The indices of all right options."""
        return (self.gold, *self.also_right)

    @property
    def options(self) -> tuple[Request, ...]:
        """The context and the continuation of each option.

        >>> [request[:2] for request in Item(1, ("a", "b"), ("c",), gold=0).options]
        [('a', 'c'), ('b', 'c')]
        """
        count = max(len(self.contexts), len(self.continuations))
        contexts = self.contexts * (count // len(self.contexts))
        continuations = self.continuations * (count // len(self.continuations))
        return tuple(map(Request, contexts, continuations))


class Scored(NamedTuple):
    """The likelihood of a request."""

    log_likelihood: float
    """Natural logarithm, summed over the tokens of the continuation."""
    is_greedy: bool
    """Whether each of its tokens is the most likely one."""
    tokens: int
    is_cut: bool = False
    """Whether the model couldn't read the start of the context."""
    has_seam: bool = False
    """Whether the tokens of the context alone aren't those that it has before the continuation."""


@dataclass(frozen=True)
class Answer:
    """A model's answer to an item."""

    item: Item
    scored: tuple[Scored, ...]
    """Of each option."""

    @property
    def gold(self) -> Scored:
        """The likelihood of the right option."""
        return self.scored[self.item.gold]

    @property
    def text(self) -> str:
        """The right continuation."""
        return self.item.options[self.item.gold].continuation

    @property
    def is_tie(self) -> bool:
        """Whether several options are the most likely one."""
        best = max(each.log_likelihood for each in self.scored)
        return sum(each.log_likelihood == best for each in self.scored) > 1
