"""Attention masks: which positions attend to which.

Choices:
- A mask is built once for a batch and shared by all blocks. True: may be attended to.
- Padding attends to padding: it is document 0, a document like any other, so no row of the softmax
  is empty and nothing becomes NaN.
- Where scores get a bias, the mask is merged into it as minus infinity, so that the masked weight
  is exactly 0 and no bit of one document reaches another.

Shapes: B batch, T time, S key positions, H heads, Q queries of the query stream.
"""

import math

import torch
from torch import Tensor


def document_mask(documents_BT: Tensor) -> Tensor:
    """Return a causal mask inside documents; queries are the third axis, keys the fourth.

    >>> document_mask(torch.tensor([[1, 1, 2, 0]])).int()[0, 0].tolist()
    [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    """
    return same_document_mask(documents_BT, documents_BT).tril()


def same_document_mask(documents_BT: Tensor, documents_BS: Tensor) -> Tensor:
    """Return a mask that lets each position attend to all of its document.

    >>> same_document_mask(torch.tensor([[1, 2]]), torch.tensor([[1, 1, 2]])).int()[0, 0].tolist()
    [[1, 1, 0], [0, 0, 1]]
    """
    return documents_BT[:, None, :, None] == documents_BS[:, None, None, :]


def continuation_mask(past: int, time: int, device: torch.device) -> Tensor:
    """Return a causal mask for `time` new positions that follow `past` cached ones.

    torch's own causal flag would align the two at their starts instead of at their ends.

    >>> continuation_mask(2, 2, torch.device("cpu")).int()[0, 0].tolist()
    [[1, 1, 1, 0], [1, 1, 1, 1]]
    """
    visible_TS = torch.ones(time, past + time, dtype=torch.bool, device=device).tril(past)
    return visible_TS[None, None]


def window_mask(distances_TS: Tensor, window: int, *, both_ways: bool) -> Tensor:
    """Return a sliding-window mask: the last `window` positions, or half as many to each side.

    >>> distances_TS = torch.tensor([[2, 1, 0, -1, -2]])
    >>> window_mask(distances_TS, 2, both_ways=False).int().tolist()
    [[0, 1, 1, 1, 1]]
    >>> window_mask(distances_TS, 2, both_ways=True).int().tolist()
    [[0, 1, 1, 1, 0]]
    """
    if both_ways:  # |i - j| <= window / 2, as in ModernBERT
        return distances_TS.abs() <= window // 2
    return distances_TS < window


def permutation_masks(
    order_BT: Tensor, queries_BQ: Tensor, documents_BT: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the masks of XLNet's content stream and query stream.

    A position that is no target (order -1) is visible to all; a target is visible to those of
    higher order. In the content stream each position also attends to itself, in the query stream
    never. Section 2.3 of Yang et al. (2019, arXiv 1906.08237), and `_local_perm` of its code.

    >>> content, query = permutation_masks(torch.tensor([[-1, 1, 0]]), torch.tensor([[1, 2]]), None)
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


def bias_with_mask(bias_BHTS: Tensor | None, visible_B1TS: Tensor | None) -> Tensor | None:
    """Merge a mask into a bias of the scores, where there are both."""
    if bias_BHTS is None:
        return visible_B1TS
    return bias_BHTS if visible_B1TS is None else bias_BHTS.masked_fill(~visible_B1TS, -math.inf)
