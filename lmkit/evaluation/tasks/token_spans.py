"""The tokens of a request: what the model reads, and which of them it predicts.

    context "A:", continuation " yes"    →    <s> A : | yes

Choices, all of them lm-evaluation-harness':
- Context and continuation are encoded together, and divided after as many tokens as the context has
  alone. Where the context alone has other tokens than those, its own are read, and the request is
  counted as one with a seam.
- White space at the end of a context belongs to the continuation.
- A request that is too long loses its start, BOS first; the model reads at most as many tokens as
  it was trained to. How many items were cut is counted.
- A request without a context follows BOS.
- A whole text is divided into windows that predict disjoint parts; the last window is as long as
  the others, so its first tokens are only read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import InputError
from lmkit.evaluation.tasks.item import Request

Encode = Callable[[list[str]], list[NDArray[np.uint32]]]


class TokenSpan(NamedTuple):
    """Tokens, of which those from an index on are predicted."""

    tokens: tuple[int, ...]
    first_target: int
    """At least 1: the first token is only read."""

    @property
    def targets(self) -> tuple[int, ...]:
        """The tokens to predict."""
        return self.tokens[self.first_target :]


@dataclass(frozen=True)
class EncodedRequest:
    """A request's tokens: one span, or several for a text that is longer than the model reads."""

    spans: tuple[TokenSpan, ...]
    is_cut: bool = False
    has_seam: bool = False

    @property
    def target_count(self) -> int:
        """The number of tokens to predict."""
        return sum(len(span.targets) for span in self.spans)


@dataclass(frozen=True)
class RequestEncoder:
    """Turns requests into tokens."""

    encode: Encode
    """From texts to ids, with nothing added."""
    bos: int | None
    """The token before every text; None: there is none."""
    prefix: int
    """The token that precedes a continuation without a context."""
    longest: int
    """Most tokens that the model reads."""
    apart: bool = False
    """Whether a context and its continuation are encoded by themselves, for an encoder and for a
    decoder, each of which reads `longest` tokens."""
    _known: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])

    def encoded(
        self, groups: Sequence[tuple[Request, ...]], where: Sequence[str], *, whole: bool
    ) -> list[list[EncodedRequest]]:
        """Return the tokens of the requests of each item.

        `where` names each item in errors; `whole` requests are texts without contexts. Raises
        InputError for a continuation that the model can't read, or that has no tokens.
        """
        self._known.clear()  # no other items have these texts
        moved = [[_without_blanks(request) for request in group] for group in groups]
        texts = {text for group in moved for request in group for text in self._texts(request)}
        ordered = sorted(texts)
        for text, ids in zip(ordered, self.encode(ordered), strict=True):
            self._known[text] = tuple(ids.tolist())
        if whole:
            return [[self._windows(r, at) for r in g] for g, at in zip(groups, where, strict=True)]
        return [[self._span(r, at) for r in g] for g, at in zip(moved, where, strict=True)]

    def _span(self, request: Request, where: str) -> EncodedRequest:
        context, continuation = request
        own = self._known[context] if context else ()
        together = (
            (*own, *self._known[continuation]) if self.apart else self._known["".join(request)]
        )
        targets = together[len(own) :]
        bos = () if self.bos is None else (self.bos,)
        before = (*bos, *own) or (self.prefix,)
        if not targets:
            raise InputError(f"{where}: {continuation!r} adds no token to its context")
        if len(targets) > self.longest:
            raise InputError(
                f"{where}: a continuation has {len(targets):,} tokens, and the model reads "
                f"{self.longest:,} at once"
            )
        room = self.longest + (len(targets) if self.apart else 1)
        tokens = (*before, *targets)[-room:]
        return EncodedRequest(
            (TokenSpan(tokens, len(tokens) - len(targets)),),
            is_cut=len(before) + len(targets) > len(tokens),
            has_seam=together[: len(own)] != own,
        )

    def _texts(self, request: Request) -> tuple[str, ...]:
        """Return the texts to encode for a request."""
        context, continuation = request
        after = continuation if self.apart else context + continuation
        return (context, after) if context else (after,)

    def _windows(self, request: Request, where: str) -> EncodedRequest:
        tokens = self._known[request.continuation]
        if not tokens:
            raise InputError(f"{where}: the text has no tokens")
        return EncodedRequest(windows(tokens, self.prefix, self.longest))


def windows(tokens: tuple[int, ...], prefix: int, longest: int) -> tuple[TokenSpan, ...]:
    """Divide a text into windows of at most `longest` tokens to read.

    >>> [(span.tokens, span.first_target) for span in windows((0, 1, 2, 3, 4), 99, 3)]
    [((99, 0, 1, 2), 1), ((1, 2, 3, 4), 2)]
    """
    found: list[TokenSpan] = []
    for start in range(0, len(tokens), longest):
        stop = min(start + longest, len(tokens))
        if start == 0:
            found.append(TokenSpan((prefix, *tokens[:stop]), 1))
            continue
        first_read = max(0, stop - longest - 1)
        found.append(TokenSpan(tokens[first_read:stop], start - first_read))
    return tuple(found)


def _without_blanks(request: Request) -> Request:
    """Move white space from the end of the context to the continuation."""
    kept = request.context.rstrip()
    return Request(kept, request.context[len(kept) :] + request.continuation)
