"""The tokens of a request: what the model reads, and which of them it predicts.

    context "A:", continuation " yes"    →    <s> A : | yes

Choices, all of them lm-evaluation-harness':
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
from lmkit.evaluation.tasks.token_division import Division, TokenIds

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
    division: Division | None = None
    """How texts are divided into tokens; None: as the style of the task has it."""
    _known: dict[str, TokenIds] = field(default_factory=dict[str, TokenIds])

    def encoded(
        self,
        groups: Sequence[tuple[Request, ...]],
        where: Sequence[str],
        division: Division,
        *,
        whole: bool = False,
    ) -> list[list[EncodedRequest]]:
        """Return the tokens of the requests of each item.

        `where` names each item in errors; `division` is that of the style; `whole` requests are
        texts without contexts. Raises InputError for a continuation that the model can't read, or
        that has no tokens.
        """
        division = self.division or division
        self._known.clear()  # no other items have these texts
        if whole:
            texts = {request.continuation for requests in groups for request in requests}
        else:
            texts = {text for requests in groups for text in division.texts(requests)}
        ordered = sorted(texts)
        for text, ids in zip(ordered, self.encode(ordered), strict=True):
            self._known[text] = tuple(ids.tolist())
        pairs = zip(groups, where, strict=True)
        if whole:
            return [[self._windows(request, at) for request in each] for each, at in pairs]
        return [self._spans(requests, at, division) for requests, at in pairs]

    def _spans(
        self, requests: Sequence[Request], where: str, division: Division
    ) -> list[EncodedRequest]:
        divided = division.divide(requests, self._known)
        bos = () if self.bos is None else (self.bos,)
        if division.always_begins:
            bos = (self.prefix,)
        found: list[EncodedRequest] = []
        for request, (own, targets, has_seam) in zip(requests, divided, strict=True):
            before = (*bos, *own) or (self.prefix,)
            if not targets:
                raise InputError(f"{where}: {request.continuation!r} adds no token to its context")
            room = division.room(self.longest, len(targets))
            if len(targets) > (most := min(self.longest, room - 1)):
                raise InputError(
                    f"{where}: a continuation has {len(targets):,} tokens, and the model reads "
                    f"{most:,} at once"
                )
            tokens = (*before, *targets)[-room:]
            span = TokenSpan(tokens, len(tokens) - len(targets))
            is_cut = len(before) + len(targets) > len(tokens)
            found.append(EncodedRequest((span,), is_cut, has_seam))
        return found

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
