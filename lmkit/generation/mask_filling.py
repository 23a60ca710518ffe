"""Mask filling with an encoder, one position after the other.

Choices:
- One at a time, the most likely first, and what was filled in is read before the next one is chosen
  (easy first; Goldberg and Elhadad 2010, and for masks Ghazvininejad et al. 2019, arXiv
  1904.09324, which fills several at a time). Filled all at once, two masks would be independent
  of one another: "<mask> <mask>" becomes "New Francisco". From left to right, a mask would be
  filled before its neighbour that is certain.
- With masks, a position that is not yet filled has the mask token. With two streams (XLNet's) it is
  visible to none: it comes later in order, and what has been filled keeps its rank, so that
  attention is as in training and the probabilities multiply to that of the full text.
- A text that is longer than the training sequences is read through a window of that length, with
  the mask in its middle, or as near to it as the text's ends allow.

Shapes: B batch, T time, Q queries, V vocabulary.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lmkit.generation.sampling import Sampling
from lmkit.model.eval_mode import eval_mode
from lmkit.model.transformer import Transformer


@dataclass(frozen=True)
class FilledMask:
    """The token that was filled in at a mask, and the probability of each id there."""

    index: int
    token: int
    p_V: Tensor
    """In float64; 0 for ids that aren't allowed."""


def fill(
    model: Transformer,
    tokens: Sequence[int],
    allowed: Mapping[int, Tensor],
    sampling: Sampling,
    *,
    two_streams: bool = False,
    seed: int = 0,
    window: int | None = None,
) -> Iterator[FilledMask]:
    """Fill the masks of a text; yield each as soon as it is filled.

    Args:
        model: an encoder.
        tokens: the full text, with the mask id at each mask; with two streams, with any id there.
        allowed: for each index to fill, which ids are allowed.
        sampling: how an id is sampled. Which mask comes next doesn't depend on it.
        two_streams: predict with the query stream.
        seed: seed of the sampling.
        window: how many positions are read at once; None: all.

    """
    generator = torch.Generator().manual_seed(seed)
    text, order = list(tokens), [-1] * len(tokens)
    remaining = dict(sorted(allowed.items()))
    while remaining:
        for index in remaining:  # after all that is filled, and invisible to one another
            order[index] = len(allowed) - len(remaining)
        logits = _logits(model, text, order, list(remaining), two_streams, window)
        masked_logits = {
            index: logits_V.masked_fill(~remaining[index], -torch.inf)
            for index, logits_V in logits.items()
        }
        p = {index: logits_V.softmax(dim=-1) for index, logits_V in masked_logits.items()}
        index = max(remaining, key=lambda candidate: float(p[candidate].max()))
        token = sampling.sample(masked_logits[index], generator)
        yield FilledMask(index, token, p[index])
        text[index] = token
        del remaining[index]


def _logits(
    model: Transformer,
    text: list[int],
    order: list[int],
    indices: list[int],
    two_streams: bool,
    window: int | None,
) -> dict[int, Tensor]:
    """Return the logits at each index, in float64 on the CPU."""
    by_window: dict[int, list[int]] = {}
    for index in indices:
        by_window.setdefault(window_start(index, len(text), window), []).append(index)
    logits_by_index: dict[int, Tensor] = {}
    device = model.embedding.weight.device
    for first, in_window in by_window.items():
        last = first + (window or len(text))
        tokens_BT = torch.tensor([text[first:last]], device=device)
        positions_BT = torch.arange(tokens_BT.shape[1], device=device)[None]
        queries_BQ = torch.tensor([in_window], device=device) - first
        with eval_mode(model):
            if two_streams:
                order_BT = torch.tensor([order[first:last]], device=device)
                x_BQD = model.query_features(tokens_BT, positions_BT, None, order_BT, queries_BQ)
            else:
                x_BQD = model.features(tokens_BT, positions_BT)[:, queries_BQ[0]]
            logits_QV = model.logits(x_BQD)[0].cpu().double()
        logits_by_index |= dict(zip(in_window, logits_QV, strict=True))
    return logits_by_index


def window_start(index: int, length: int, window: int | None) -> int:
    """Return the start of the window that is read to fill a mask.

    >>> [window_start(index, 10, 4) for index in (1, 5, 9)]
    [0, 3, 6]
    >>> window_start(9, 10, None)
    0
    """
    return 0 if window is None else max(0, min(index - window // 2, length - window))
