"""Keys and values of the places that a decoder has read, so that each is computed once.

Choices:
- Room is made in doublings, so that a text of T tokens is copied about twice rather than T times,
  and nobody has to say beforehand how long it will become.
- A cache belongs to one document per row, without padding: place p is column p.
- The keys and values of an encoder-decoder's source are made once, by the first look at it.

Shapes: B batch, G key-value heads, T time, K head width.
"""

import torch
from torch import Tensor


class LayerCache:
    """The keys and values of one block; the last `window` places are seen."""

    def __init__(self, window: int | None = None) -> None:
        self.length = 0
        self.source: tuple[Tensor, Tensor] | None = None
        self._window = window
        self._room: tuple[Tensor, Tensor] | None = None

    def extend(self, k_BGTK: Tensor, v_BGTK: Tensor) -> tuple[Tensor, Tensor]:
        """Keep these keys and values, and return them behind those that came before."""
        start, end = self.length, self.length + k_BGTK.shape[2]
        if self._room is None or end > self._room[0].shape[2]:
            self._room = (self._grown(0, k_BGTK, end), self._grown(1, v_BGTK, end))
        keys, values = self._room
        keys[:, :, start:end] = k_BGTK
        values[:, :, start:end] = v_BGTK
        self.length = end
        first = max(0, end - self._window) if self._window else 0
        return keys[:, :, first:end], values[:, :, first:end]

    def _grown(self, which: int, new_BGTK: Tensor, end: int) -> Tensor:
        batch, heads, _, width = new_BGTK.shape
        grown = new_BGTK.new_empty(batch, heads, max(64, 2 * end), width)
        if self._room is not None:
            grown[:, :, : self.length] = self._room[which][:, :, : self.length]
        return grown


class KeyValueCache:
    """The keys and values of every block of a decoder."""

    def __init__(self, layers: int, window: int | None = None) -> None:
        self.window = window
        self.layers = [LayerCache(window) for _ in range(layers)]

    @property
    def length(self) -> int:
        """Places read so far."""
        return self.layers[0].length


def positions_after(cache: KeyValueCache, tokens_BT: Tensor) -> Tensor:
    """Return the positions of tokens that follow what the cache holds."""
    first, time = cache.length, tokens_BT.shape[1]
    return torch.arange(first, first + time, device=tokens_BT.device).expand_as(tokens_BT)
