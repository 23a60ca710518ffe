r"""Token tries: spans that begin alike are read once.

    <s> a b  and  <s> a c d, to predict b, c and d    →    <s> a c   with b and c after a

Choices:
- A trie is one sequence for the model: each token attends to the tokens on its path, and its
  position is its depth. So the options of a question share the computation of the question, and
  options of one token need no computation of their own.
- That holds where nothing depends on the distance of columns: not for relative positions, ALiBi,
  and sliding windows, where each span is a sequence of its own.

Shapes: B tries, T columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lmkit.evaluation.tasks.token_spans import TokenSpan


@dataclass
class TokenTrie:
    """The tokens that are read for some spans, each after those on its path."""

    tokens: list[int] = field(default_factory=list[int])
    parents: list[int] = field(default_factory=list[int])
    """The index of the token before; -1 at the start."""
    targets: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])
    """Of each predicted token: the number of its span, the index it follows, and its id."""
    _children: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])

    def add(self, number: int, span: TokenSpan) -> None:
        """Add a span; `number` identifies it in the targets."""
        index = -1
        for position, token in enumerate(span.tokens):
            if position >= span.first_target:
                self.targets.append((number, index, token))
            if position == len(span.tokens) - 1:
                return  # nothing follows it
            following = self._children.get((index, token))
            if following is None:
                following = len(self.tokens)
                self._children[index, token] = following
                self.tokens.append(token)
                self.parents.append(index)
            index = following

    @property
    def is_chain(self) -> bool:
        """Whether each token follows the one in the column before it."""
        return self.parents == list(range(-1, len(self.parents) - 1))


def tries_of(
    groups: Sequence[Sequence[Sequence[TokenSpan]]], *, share: bool
) -> tuple[list[TokenTrie], int]:
    """Return the tries of items, and the number of all spans.

    Spans are numbered in order. With `share` the spans of an item are one trie, else each is one.
    """
    tries: list[TokenTrie] = []
    number = 0
    for item in groups:
        trie = TokenTrie()
        for spans in item:
            for span in spans:
                trie.add(number, span)
                number += 1
                if not share:
                    tries.append(trie)
                    trie = TokenTrie()
        if share:
            tries.append(trie)
    return tries, number


def batches(tries: Sequence[TokenTrie], budget: int, most: int | None) -> Iterator[list[TokenTrie]]:
    """Yield tries of about the same length, the longest first.

    At most `budget` columns, padding included, or else `most` tries if that is given.
    """
    ordered = sorted(tries, key=lambda trie: -len(trie.tokens))
    start = 0
    while start < len(ordered):
        size = most or max(1, budget // len(ordered[start].tokens))
        yield ordered[start : start + size]
        start += size


@dataclass(frozen=True)
class TrieBatch:
    """Tries as arrays."""

    tokens_BT: NDArray[np.int64]
    positions_BT: NDArray[np.int64]
    """Depths; 0 at padding."""
    visible_BTT: NDArray[np.bool_] | None
    """Which columns each attends to; None: all before it and itself."""
    targets_3N: NDArray[np.int64]
    """Of each target: its span, the index of its column in the flattened batch, and its id; by
    column."""

    @classmethod
    def of(cls, tries: Sequence[TokenTrie]) -> "TrieBatch":
        """Return a batch."""
        shape = len(tries), max(len(trie.tokens) for trie in tries)
        tokens_BT, positions_BT = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        are_chains = all(trie.is_chain for trie in tries)
        visible_BTT = None if are_chains else np.zeros((*shape, shape[1]), np.bool_)
        targets: list[tuple[int, int, int]] = []
        for row, trie in enumerate(tries):
            tokens_BT[row, : len(trie.tokens)] = trie.tokens
            targets += [(span, row * shape[1] + col, token) for span, col, token in trie.targets]
            if visible_BTT is None:
                positions_BT[row, : len(trie.tokens)] = np.arange(len(trie.tokens))
                continue
            visible_TT = visible_BTT[row]
            np.fill_diagonal(visible_TT, True)
            for column, parent in enumerate(trie.parents):
                if parent >= 0:
                    visible_TT[column] |= visible_TT[parent]
                    positions_BT[row, column] = positions_BT[row, parent] + 1
        targets_N3 = np.array(targets, np.int64).reshape(-1, 3)
        by_column = np.argsort(targets_N3[:, 1], kind="stable")
        return cls(tokens_BT, positions_BT, visible_BTT, targets_N3[by_column].T)
