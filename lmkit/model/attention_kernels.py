"""How attention is computed: the fastest way for the place, all with the same result.

Choices:
- torch's scaled_dot_product_attention is the rule. On two Zen 3 cores, at 16 x 6 heads of 64, it
  is within 10% of softmax(q k) v in fp32 for rows up to 256, ahead beyond, and in bf16 ahead by 3
  times and more.
- A CPU with matrix units (AMX) is the exception: its plain products in bf16 are so fast that
  softmax(q k) v takes a whole training step 7 to 11% less time at 256 places. Its table is T x S
  for each head, so long rows keep to torch's kernel, which never makes it.
- On CUDA, documents and windows go to flex attention (Dong et al. 2024, arXiv 2412.05496), which
  skips blocks that nobody sees. It has no backward pass on a CPU and no dropout. Where it can't be
  compiled, a mask does the same.
- Of torch's kernels, those that take both a mask and shared keys are slow: keys are repeated there.
- What is chosen here decides what memory training takes: `kernels_on` tells `estimates`.
- A place that sees nothing gets zeros. It isn't left to a kernel: 0 / 0 would be NaN.

Shapes: B batch, T time, S places seen, H heads, G key-value heads, K head width.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from lmkit.model.cost import Kernels

SHORT = 512
"""Longest row whose whole table of weights is made, on a CPU with matrix units."""
FLEX_HEAD_DIMS = (16, 32, 64, 128, 256)


class Partial(NamedTuple):
    """A mask with places that see nothing: they may look anywhere, and get zeros."""

    mask_B1TS: Tensor
    lit_B1T1: Tensor


Mask = Tensor | BlockMask | Partial | None
"""True where a place is seen; or a number to add to each score; None: all, or all before."""


def attend(
    q_BHTK: Tensor,
    k_BGSK: Tensor,
    v_BGSK: Tensor,
    mask: Mask,
    *,
    causal: bool,
    scale: float,
    dropout: float = 0.0,
) -> Tensor:
    """Return y_BHTK: for each place the mean of the values that it sees, weighted by softmax.

    Args:
        q_BHTK: queries.
        k_BGSK: keys; each serves H / G heads.
        v_BGSK: values.
        mask: who sees whom.
        causal: without a mask, whether each place sees only those up to itself.
        scale: what scores are multiplied by, before a mask's numbers are added.
        dropout: share of weights to set to zero.

    """
    if isinstance(mask, Partial):
        y_BHTK = attend(
            q_BHTK, k_BGSK, v_BGSK, mask.mask_B1TS, causal=False, scale=scale, dropout=dropout
        )
        return y_BHTK * mask.lit_B1T1.to(y_BHTK.dtype)
    if isinstance(mask, BlockMask):
        shares = q_BHTK.shape[1] != k_BGSK.shape[1]
        attention = _compiled_flex()
        return attention(q_BHTK, k_BGSK, v_BGSK, block_mask=mask, scale=scale, enable_gqa=shares)
    is_short = k_BGSK.shape[2] <= kernels_on(q_BHTK.device, q_BHTK.dtype).softmax_up_to
    if mask is not None or is_short:
        k_BGSK, v_BGSK = _repeated(k_BGSK, q_BHTK), _repeated(v_BGSK, q_BHTK)
    if is_short:
        return softmax_attention(
            q_BHTK, k_BGSK, v_BGSK, mask, causal=causal, scale=scale, dropout=dropout
        )
    if mask is not None and mask.dtype != torch.bool and mask.device.type != "cpu":
        mask = mask.to(q_BHTK.dtype)  # on a CPU a bias may be more precise than the scores
    return F.scaled_dot_product_attention(
        q_BHTK,
        k_BGSK,
        v_BGSK,
        attn_mask=mask,
        dropout_p=dropout,
        is_causal=mask is None and causal,
        scale=scale,
        enable_gqa=q_BHTK.shape[1] != k_BGSK.shape[1],
    )


def kernels_on(device: torch.device, dtype: torch.dtype) -> Kernels:
    """Return how attention is computed on a device, for queries of a dtype."""
    up_to = SHORT if _has_matrix_units(device, dtype) else 0
    return Kernels(softmax_up_to=up_to, fuses_dropout=device.type != "cpu")


def softmax_attention(
    q_BHTK: Tensor,
    k_BHSK: Tensor,
    v_BHSK: Tensor,
    mask: Tensor | None,
    *,
    causal: bool,
    scale: float,
    dropout: float = 0.0,
) -> Tensor:
    """Do it by the book: softmax(scale q k + mask) v."""
    scores_BHTS = (q_BHTK * scale) @ k_BHSK.mT
    if mask is None and causal:
        mask = torch.ones(scores_BHTS.shape[-2:], dtype=torch.bool, device=q_BHTK.device).tril()
    if mask is not None and mask.dtype == torch.bool:
        scores_BHTS = scores_BHTS.masked_fill(~mask, -math.inf)
    elif mask is not None:
        scores_BHTS = scores_BHTS + mask.to(scores_BHTS.dtype)
    weights_BHTS = scores_BHTS.softmax(dim=-1)
    return F.dropout(weights_BHTS, dropout, training=dropout > 0) @ v_BHSK


def lit(seen_B1TS: Tensor) -> Partial:
    """Let places that see nothing look anywhere, and remember to give them zeros.

    >>> mask, lit_B1T1 = lit(torch.tensor([[[[True, False], [False, False]]]]))
    >>> mask.int()[0, 0].tolist(), lit_B1T1.flatten().tolist()
    ([[1, 0], [1, 1]], [True, False])
    """
    lit_B1T1 = seen_B1TS.any(dim=-1, keepdim=True)
    return Partial(seen_B1TS | ~lit_B1T1, lit_B1T1)


def document_blocks(
    documents_BT: Tensor, head_dim: int, *, causal: bool, window: int | None
) -> BlockMask | None:
    """Return a mask for flex attention, or None where a plain one has to do."""
    if head_dim not in FLEX_HEAD_DIMS or not _flex_works(documents_BT.device):
        return None

    def sees(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:  # noqa: ARG001
        seen = documents_BT[b, q] == documents_BT[b, k]
        if causal:
            seen = seen & (k <= q)
        if window is not None:
            near = q - k < window if causal else (q - k).abs() <= window // 2
            seen = seen & near
        return seen

    batch, time = documents_BT.shape
    return create_block_mask(sees, batch, None, time, time, device=documents_BT.device)


@cache
def _compiled_flex() -> Callable[..., Any]:
    return torch.compile(flex_attention, dynamic=False)


def _is_before(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:  # noqa: ARG001
    return q >= k


@cache
def _flex_works(device: torch.device) -> bool:
    """Try it once, forward and backward: it needs a compiler, and a GPU that Triton knows."""
    if device.type != "cuda":
        return False
    try:
        q = torch.randn(1, 1, 128, 64, device=device, dtype=torch.bfloat16, requires_grad=True)
        blocks = create_block_mask(_is_before, None, None, 128, 128, device=device)
        y = _compiled_flex()(q, q, q, block_mask=blocks)
        y.sum().backward()
        return bool(y.isfinite().all())
    except Exception:
        return False


@cache
def _cpu_has_amx() -> bool:
    probe: Callable[[], bool] | None = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return probe is not None and probe()


def _has_matrix_units(device: torch.device, dtype: torch.dtype) -> bool:
    return device.type == "cpu" and dtype == torch.bfloat16 and _cpu_has_amx()


def _repeated(x_BGSK: Tensor, like_BHTK: Tensor) -> Tensor:
    """Give each query head a key or value head of its own."""
    group = like_BHTK.shape[1] // x_BGSK.shape[1]
    return x_BGSK if group == 1 else x_BGSK.repeat_interleave(group, dim=1)
