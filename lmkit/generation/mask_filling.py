"""Holes of a text filled by an encoder, one after the other.

Choices:
- One at a time, the likeliest first, and what was put in is read before the next one is chosen
  (easy first; Goldberg and Elhadad 2010, and for masks Ghazvininejad et al. 2019, arXiv
  1904.09324, which fills several at a time). Filled all at once, two holes would know nothing of
  one another: "<mask> <mask>" becomes "New Francisco". From left to right, a hole would be guessed
  before its neighbour that is certain.
- With masks, a hole that is not yet filled shows the mask. With two streams (XLNet's) it shows
  nothing: it comes later in order, and what has been filled keeps its rank, so that everything is
  seen as in training and the odds multiply to those of the whole.
- A text that is longer than the rows of training is read through a window of that length, with the
  hole in its middle, or as near to it as the text's ends allow.

Shapes: B batch, T time, Q places asked, V vocabulary.
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
    """What was put into a hole, and how likely each id was there."""

    place: int
    token: int
    p_V: Tensor
    """In float64; 0 for what may not stand there."""


def fill(
    model: Transformer,
    tokens: Sequence[int],
    holes: Mapping[int, Tensor],
    sampling: Sampling,
    *,
    two_streams: bool = False,
    seed: int = 0,
    window: int | None = None,
) -> Iterator[FilledMask]:
    """Fill the holes of a text; yield each as soon as it is filled.

    Args:
        model: an encoder.
        tokens: the whole text, with the mask in each hole; with two streams, with any id there.
        holes: for each place to fill, which ids may stand there, one truth for each.
        sampling: how an id is drawn. Which hole comes next doesn't depend on it.
        two_streams: ask the query stream.
        seed: of the draws.
        window: how many places are read at once; None: all.

    """
    generator = torch.Generator().manual_seed(seed)
    text, order = list(tokens), [-1] * len(tokens)
    left = dict(sorted(holes.items()))
    while left:
        for place in left:  # behind all that is filled, and unseen by one another
            order[place] = len(holes) - len(left)
        logits = _asked(model, text, order, list(left), two_streams, window)
        found = {
            place: logits_V.masked_fill(~left[place], -torch.inf)
            for place, logits_V in logits.items()
        }
        p = {place: logits_V.softmax(dim=-1) for place, logits_V in found.items()}
        place = max(left, key=lambda each: float(p[each].max()))
        token = sampling.draw(found[place], generator)
        yield FilledMask(place, token, p[place])
        text[place] = token
        del left[place]


def _asked(
    model: Transformer,
    text: list[int],
    order: list[int],
    places: list[int],
    two_streams: bool,
    window: int | None,
) -> dict[int, Tensor]:
    """Return the logits of each place, in float64 on the CPU."""
    together: dict[int, list[int]] = {}
    for place in places:
        together.setdefault(first_read(place, len(text), window), []).append(place)
    found: dict[int, Tensor] = {}
    device = model.embedding.weight.device
    for first, some in together.items():
        last = first + (window or len(text))
        tokens_BT = torch.tensor([text[first:last]], device=device)
        positions_BT = torch.arange(tokens_BT.shape[1], device=device)[None]
        queries_BQ = torch.tensor([some], device=device) - first
        with eval_mode(model):
            if two_streams:
                order_BT = torch.tensor([order[first:last]], device=device)
                x_BQD = model.query_features(tokens_BT, positions_BT, None, order_BT, queries_BQ)
            else:
                x_BQD = model.features(tokens_BT, positions_BT)[:, queries_BQ[0]]
            logits_QV = model.logits(x_BQD)[0].cpu().double()
        found |= dict(zip(some, logits_QV, strict=True))
    return found


def first_read(place: int, length: int, window: int | None) -> int:
    """Return where the part of a text begins that is read to fill a place.

    >>> [first_read(place, 10, 4) for place in (1, 5, 9)]
    [0, 3, 6]
    >>> first_read(9, 10, None)
    0
    """
    return 0 if window is None else max(0, min(place - window // 2, length - window))
