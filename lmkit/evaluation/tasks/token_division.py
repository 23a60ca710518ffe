"""How the texts of an item are divided into tokens that are read and tokens that are predicted.

Choices, of `Together`, all of them lm-evaluation-harness':
- Context and continuation are encoded together, and divided after as many tokens as the context has
  alone. Where the context alone has other tokens than those, its own are read, and the request is
  counted as one with a seam.
- White space at the end of a context belongs to the continuation.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from lmkit.evaluation.tasks.item import Request

TokenIds = tuple[int, ...]


class DividedTokens(NamedTuple):
    """The tokens of a request."""

    before: TokenIds
    """What is read, without BOS."""
    targets: TokenIds
    """What is predicted."""
    has_seam: bool = False
    """Whether the context alone has other tokens than before the continuation."""


class Division(Protocol):
    """Divides the texts of an item into tokens that are read and tokens that are predicted."""

    @property
    def always_begins(self) -> bool:
        """Whether a token stands before every text, of models trained without BOS, too."""
        ...

    def texts(self, requests: Sequence[Request]) -> Iterable[str]:
        """Return the texts that `divide` looks up."""
        ...

    def divide(
        self, requests: Sequence[Request], known: Mapping[str, TokenIds]
    ) -> list[DividedTokens]:
        """Return the tokens of an item's requests, given those of its texts."""
        ...

    def room(self, longest: int, targets: int, /) -> int:
        """Return how many tokens of a request are kept by a model that reads `longest`."""
        ...


class Together:
    """Context and continuation are encoded together."""

    always_begins = False

    def texts(self, requests: Sequence[Request]) -> Iterable[str]:
        """Return the contexts, and these with the continuations."""
        for context, continuation in map(without_blanks, requests):
            yield from (context, context + continuation) if context else (continuation,)

    def divide(
        self, requests: Sequence[Request], known: Mapping[str, TokenIds]
    ) -> list[DividedTokens]:
        """Divide each request after as many tokens as its context has alone."""
        found: list[DividedTokens] = []
        for context, continuation in map(without_blanks, requests):
            own, together = known[context] if context else (), known[context + continuation]
            has_seam = together[: len(own)] != own
            found.append(DividedTokens(own, together[len(own) :], has_seam))
        return found

    def room(self, longest: int, _targets: int, /) -> int:
        """Return the tokens that are read, and the last target, which isn't."""
        return longest + 1


def without_blanks(request: Request) -> tuple[str, str]:
    """Move white space from the end of the context to the continuation."""
    kept = request.context.rstrip()
    return kept, request.context[len(kept) :] + request.continuation


class Apart:
    """Context and continuation are encoded by themselves, for an encoder and for a decoder."""

    always_begins = False

    def texts(self, requests: Sequence[Request]) -> Iterable[str]:
        """Return the contexts and the continuations."""
        for context, continuation in map(without_blanks, requests):
            yield from (context, continuation) if context else (continuation,)

    def divide(
        self, requests: Sequence[Request], known: Mapping[str, TokenIds]
    ) -> list[DividedTokens]:
        """Return the tokens of the contexts and of the continuations."""
        return [
            DividedTokens(known[context] if context else (), known[continuation])
            for context, continuation in map(without_blanks, requests)
        ]

    def room(self, longest: int, targets: int, /) -> int:
        """Return the tokens that the encoder and the decoder read."""
        return longest + targets
