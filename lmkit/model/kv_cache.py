"""Key-value cache of a decoder, so that keys and values are computed once per position.

Choices:
- Buffers double when they are full, so that a text of T tokens is copied about twice rather than T
  times, and no maximum length has to be given beforehand.
- A cache holds one document per sequence. Without padding, position p is column p; the caller masks
  padding before shorter sequences.
- Sequences that have ended leave it, so that nothing is computed for them.
- The keys and values of an encoder output are computed once, when they are first attended to.

Shapes: B batch, G key-value heads, T time, K head dimension.
"""

import torch
from torch import Tensor


class LayerCache:
    """The keys and values of one block; the last `window` positions can be attended to."""

    def __init__(self, window: int | None = None) -> None:
        self.length = 0
        self.source: tuple[Tensor, Tensor] | None = None
        self._window = window
        self._buffers: tuple[Tensor, Tensor] | None = None

    def extend(self, k_BGTK: Tensor, v_BGTK: Tensor) -> tuple[Tensor, Tensor]:
        """Append keys and values, and return them after the earlier ones."""
        start, end = self.length, self.length + k_BGTK.shape[2]
        if self._buffers is None or end > self._buffers[0].shape[2]:
            self._buffers = (self._enlarge(0, k_BGTK, end), self._enlarge(1, v_BGTK, end))
        keys, values = self._buffers
        keys[:, :, start:end] = k_BGTK
        values[:, :, start:end] = v_BGTK
        self.length = end
        first = max(0, end - self._window) if self._window else 0
        return keys[:, :, first:end], values[:, :, first:end]

    def keep(self, rows_B: Tensor) -> None:
        """Keep only these sequences."""
        if self._buffers is not None:
            self._buffers = (self._buffers[0][rows_B], self._buffers[1][rows_B])
        if self.source is not None:
            self.source = (self.source[0][rows_B], self.source[1][rows_B])

    def _enlarge(self, index: int, new_BGTK: Tensor, end: int) -> Tensor:
        batch, heads, _, width = new_BGTK.shape
        enlarged = new_BGTK.new_empty(batch, heads, max(64, 2 * end), width)
        if self._buffers is not None:
            enlarged[:, :, : self.length] = self._buffers[index][:, :, : self.length]
        return enlarged


class KeyValueCache:
    """The keys and values of every block of a decoder, and its last tokens, if it has n-grams."""

    def __init__(self, layers: int, window: int | None = None) -> None:
        self.window = window
        self._last_tokens_BE: Tensor | None = None
        self.layers = [LayerCache(window) for _ in range(layers)]

    @property
    def length(self) -> int:
        """Positions cached so far."""
        return self.layers[0].length

    def keep(self, rows_B: Tensor) -> None:
        """Keep only these sequences."""
        if self._last_tokens_BE is not None:
            self._last_tokens_BE = self._last_tokens_BE[rows_B]
        for layer in self.layers:
            layer.keep(rows_B)

    def take_tokens(self, tokens_BT: Tensor, ngram_length: int) -> Tensor | None:
        """Return the tokens before these, which are kept; None before there are any.

        As many as the longest n-gram may need.
        """
        before = self._last_tokens_BE
        known = tokens_BT if before is None else torch.cat([before, tokens_BT], dim=1)
        self._last_tokens_BE = known[:, max(0, known.shape[1] - ngram_length + 1) :]
        return before


def positions_after(cache: KeyValueCache, tokens_BT: Tensor) -> Tensor:
    """Return the positions of tokens that follow the cached ones."""
    first, time = cache.length, tokens_BT.shape[1]
    return torch.arange(first, first + time, device=tokens_BT.device).expand_as(tokens_BT)
