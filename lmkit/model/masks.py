"""Which places a place sees.

Choices:
- A mask is built once for a batch and shared by all blocks. True: is seen.
- Padding sees padding: as document 0 it is a document like any other, so no row of the softmax is
  empty and nothing becomes NaN.
- Where scores get a bias, it takes the mask in: minus infinity where nothing is seen, so that the
  weight there is exactly 0 and no bit of one document reaches another.

Shapes: B batch, T time, S places seen, H heads, Q places asked.
"""

import math

import torch
from torch import Tensor


def document_mask(documents_BT: Tensor) -> Tensor:
    """Say which place (third axis) sees which (fourth): earlier ones of the same document.

    >>> document_mask(torch.tensor([[1, 1, 2, 0]])).int()[0, 0].tolist()
    [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    """
    return same_document(documents_BT, documents_BT).tril()


def same_document(documents_BT: Tensor, documents_BS: Tensor) -> Tensor:
    """Say which place sees which where each sees all of its document.

    >>> same_document(torch.tensor([[1, 2]]), torch.tensor([[1, 1, 2]])).int()[0, 0].tolist()
    [[1, 1, 0], [0, 0, 1]]
    """
    return documents_BT[:, None, :, None] == documents_BS[:, None, None, :]


def continuation_mask(past: int, time: int, device: torch.device) -> Tensor:
    """Say which places are seen by `time` new ones that follow `past` others.

    torch's own causal flag would line the two up at their starts instead of at their ends.

    >>> continuation_mask(2, 2, torch.device("cpu")).int()[0, 0].tolist()
    [[1, 1, 1, 0], [1, 1, 1, 1]]
    """
    seen_TS = torch.ones(time, past + time, dtype=torch.bool, device=device).tril(past)
    return seen_TS[None, None]


def window_mask(distances_TS: Tensor, window: int, *, both_ways: bool) -> Tensor:
    """Say which places are near: the last `window`, or half as many to each side.

    >>> distances_TS = torch.tensor([[2, 1, 0, -1, -2]])
    >>> window_mask(distances_TS, 2, both_ways=False).int().tolist()
    [[0, 1, 1, 1, 1]]
    >>> window_mask(distances_TS, 2, both_ways=True).int().tolist()
    [[0, 1, 1, 1, 0]]
    """
    if both_ways:  # |i - j| <= window / 2, as in ModernBERT
        return distances_TS.abs() <= window // 2
    return distances_TS < window


def order_masks(
    order_BT: Tensor, queries_BQ: Tensor, documents_BT: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Say what the content stream and the query stream of XLNet see.

    A place that is no target (order -1) is seen by all; a target by those whose own order is
    higher. In the content stream each place also sees itself, in the query stream never.
    Section 2.3 of Yang et al. (2019, arXiv 1906.08237), and `_local_perm` of its code.

    >>> content, query = order_masks(torch.tensor([[-1, 1, 0]]), torch.tensor([[1, 2]]), None)
    >>> content.int()[0, 0].tolist()
    [[1, 0, 0], [1, 1, 1], [1, 0, 1]]
    >>> query.int()[0, 0].tolist()
    [[1, 0, 1], [1, 0, 0]]
    """
    before_BTT = (order_BT[:, None, :] < order_BT[:, :, None]) | (order_BT[:, None, :] < 0)
    if documents_BT is not None:
        before_BTT &= documents_BT[:, :, None] == documents_BT[:, None, :]
    itself_TT = torch.eye(order_BT.shape[1], dtype=torch.bool, device=order_BT.device)
    index_BQT = queries_BQ[:, :, None].expand(-1, -1, order_BT.shape[1])
    return (before_BTT | itself_TT)[:, None], before_BTT.gather(1, index_BQT)[:, None]


def biased(bias_BHTS: Tensor | None, seen_B1TS: Tensor | None) -> Tensor | None:
    """Take a mask into a bias of the scores, where there are both."""
    if bias_BHTS is None:
        return seen_B1TS
    return bias_BHTS if seen_B1TS is None else bias_BHTS.masked_fill(~seen_B1TS, -math.inf)
