"""How attention is computed: the fastest kernel for the device, all with the same result.

Choices:
- torch's scaled_dot_product_attention is the default. On two Zen 3 cores, at 16 x 6 heads of 64, it
  is within 10% of softmax(q k) v in fp32 for up to 256 positions, faster beyond, and in bf16 faster
  by 3 times and more.
- A CPU with matrix units (AMX) is the exception: its plain matrix products in bf16 are so fast that
  softmax(q k) v takes a whole training step 7 to 11% less time at 256 positions. Its score matrix
  is T x S for each head, so long sequences use torch's kernel, which never materializes it. Each
  pass over the scores takes as long as a product: so a mask is what the product is added to, and
  the backward pass is written out. In a compiled block the compiler merges the passes.
- On CUDA, documents and windows use flex attention (Dong et al. 2024, arXiv 2412.05496), which
  skips blocks that are entirely masked. It has no backward pass on a CPU and no dropout. Where it
  can't be compiled, a dense mask gives the same result.
- Those of torch's kernels that take both a mask and grouped keys are slow: keys are repeated
  instead.
- The kernel decides how much memory training takes: `kernels_on` reports it to `cost`.
- A position whose mask is empty gets zeros. It isn't left to a kernel: 0 / 0 would be NaN.

Shapes: B batch, T time, S key positions, H heads, G key-value heads, K head dimension.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

MAX_SOFTMAX_LENGTH = 512
"""Longest sequence whose score matrix is materialized, on a CPU with matrix units."""
FLEX_HEAD_DIMS = (16, 32, 64, 128, 256)


class Kernels(NamedTuple):
    """How a device computes attention, as far as memory depends on it."""

    softmax_up_to: int = 0
    """Most key positions for which softmax(q k) v is computed as it is written; 0: never. Otherwise
    torch's scaled_dot_product_attention is called."""
    fuses_dropout: bool = False
    """Whether torch's kernel has dropout without materializing the weights in fp32."""


class MaskWithEmptyRows(NamedTuple):
    """A mask whose empty rows were filled: those attend to all keys, and get an output of zeros."""

    mask_B1TS: Tensor
    has_visible_key_B1T1: Tensor


Mask = Tensor | BlockMask | MaskWithEmptyRows | None
"""True where a key may be attended to; or a bias to add to each score; None: all, or causal."""


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
    """Return y_BHTK: for each query the mean of the values, weighted by the softmax of the scores.

    Args:
        q_BHTK: queries.
        k_BGSK: keys; each serves H / G heads.
        v_BGSK: values.
        mask: which positions attend to which.
        causal: without a mask, whether each position attends only to those up to itself.
        scale: factor of the scores, applied before a bias is added.
        dropout: fraction of the attention weights to set to zero.

    """
    if isinstance(mask, MaskWithEmptyRows):
        y_BHTK = attend(
            q_BHTK, k_BGSK, v_BGSK, mask.mask_B1TS, causal=False, scale=scale, dropout=dropout
        )
        return y_BHTK * mask.has_visible_key_B1T1.to(y_BHTK.dtype)
    if isinstance(mask, BlockMask):
        is_grouped = q_BHTK.shape[1] != k_BGSK.shape[1]
        # In a block that is compiled, it is compiled with the rest of the block.
        attention = flex_attention if torch.compiler.is_compiling() else _compiled_flex()
        return attention(
            q_BHTK, k_BGSK, v_BGSK, block_mask=mask, scale=scale, enable_gqa=is_grouped
        )
    uses_softmax = k_BGSK.shape[2] <= kernels_on(q_BHTK.device, q_BHTK.dtype).softmax_up_to
    if mask is not None or uses_softmax:
        k_BGSK, v_BGSK = _repeat_kv(k_BGSK, q_BHTK), _repeat_kv(v_BGSK, q_BHTK)
    if uses_softmax:
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
    up_to = MAX_SOFTMAX_LENGTH if _has_matrix_units(device, dtype) else 0
    return Kernels(softmax_up_to=up_to, fuses_dropout=device.type != "cpu")


def prepared_mask(mask: Mask, time: int, device: torch.device, *, causal: bool) -> Mask:
    """Return a mask as the kernel takes it fastest; once for all blocks.

    Where scores are materialized that is a bias: adding it costs no pass of its own, whereas a
    choice by a boolean takes as long as the softmax.

    Args:
        mask: which positions attend to which.
        time: number of positions.
        device: of the attention.
        causal: whether a missing mask is a causal one, between these positions.

    """
    if isinstance(mask, MaskWithEmptyRows):
        inner = prepared_mask(mask.mask_B1TS, time, device, causal=False)
        assert isinstance(inner, Tensor)
        return mask._replace(mask_B1TS=inner)
    if not torch.is_autocast_enabled(device.type) or isinstance(mask, BlockMask):
        return mask
    dtype = torch.get_autocast_dtype(device.type)
    keys = time if mask is None else mask.shape[-1]
    if keys > kernels_on(device, dtype).softmax_up_to:
        return mask
    if mask is None and causal:
        mask = torch.ones(time, time, dtype=torch.bool, device=device).tril()
    return _bias_of(mask, dtype) if mask is not None and mask.dtype == torch.bool else mask


def _bias_of(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Return zero where a boolean mask is True, minus infinity where it is False."""
    bias = torch.zeros(mask.shape, dtype=dtype, device=mask.device)
    return bias.masked_fill_(~mask, -math.inf)


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
    """Compute the formula as it is written: softmax(scale q k + mask) v."""
    if mask is None and causal:
        mask = torch.ones(
            q_BHTK.shape[-2], k_BHSK.shape[-2], dtype=torch.bool, device=q_BHTK.device
        ).tril()
    has_gradient = mask is not None and mask.requires_grad
    if not (dropout or has_gradient):
        function = _FusedAttention if torch.compiler.is_compiling() else _SoftmaxAttention
        y_BHTK: Tensor = function.apply(q_BHTK, k_BHSK, v_BHSK, mask, scale)
        return y_BHTK
    scores_BHTS = _with_mask((q_BHTK * scale) @ k_BHSK.mT, mask)
    return F.dropout(scores_BHTS.softmax(dim=-1), dropout, training=dropout > 0) @ v_BHSK


def _with_mask(scores_BHTS: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return scores_BHTS
    if mask.dtype == torch.bool:
        return scores_BHTS.masked_fill(~mask, -math.inf)
    return scores_BHTS + mask.to(scores_BHTS.dtype)


def _masked_scores(q_BHTK: Tensor, k_BHSK: Tensor, mask: Tensor | None) -> Tensor:
    """Return q k + mask; minus infinity where a boolean mask is False."""
    if mask is None:
        return q_BHTK @ k_BHSK.mT
    dtype = q_BHTK.dtype
    bias = _bias_of(mask, dtype) if mask.dtype == torch.bool else mask.to(dtype)
    if bias.ndim > 2:
        return (q_BHTK @ k_BHSK.mT).add_(bias)
    # One mask for all: it is where the product begins, without a further pass over the scores.
    scores_NTS = torch.baddbmm(bias, q_BHTK.flatten(0, 1), k_BHSK.flatten(0, 1).mT)
    return scores_NTS.unflatten(0, q_BHTK.shape[:2])


class _SoftmaxAttention(torch.autograd.Function):
    """The formula without dropout, with as few passes over the T x S scores as there can be."""

    @staticmethod
    def forward(
        ctx: Any,
        q_BHTK: Tensor,
        k_BHSK: Tensor,
        v_BHSK: Tensor,
        mask: Tensor | None,
        scale: float,
    ) -> Tensor:
        scaled_BHTK = q_BHTK * scale
        weights_BHTS = _masked_scores(scaled_BHTK, k_BHSK, mask).softmax(dim=-1)
        ctx.save_for_backward(scaled_BHTK, k_BHSK, v_BHSK, weights_BHTS)
        ctx.scale = scale
        return weights_BHTS @ v_BHSK

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        scaled_BHTK, k_BHSK, v_BHSK, weights_BHTS = ctx.saved_tensors
        g_BHTK = gradients[0]
        dv_BHSK = weights_BHTS.mT @ g_BHTK
        dscores_BHTS = torch.ops.aten._softmax_backward_data(
            g_BHTK @ v_BHSK.mT, weights_BHTS, -1, weights_BHTS.dtype
        )
        dq_BHTK = (dscores_BHTS @ k_BHSK).mul_(ctx.scale)
        return dq_BHTK, dscores_BHTS.mT @ scaled_BHTK, dv_BHSK, None, None


class _FusedAttention(torch.autograd.Function):
    """The same for a compiler, which fuses all passes between two products.

    The weights aren't divided by their sum: the output is, which is much smaller, and so is the
    gradient. The sum of gradient times weight, which a softmax needs, is that of gradient times
    output (Dao et al. 2022, arXiv 2205.14135, appendix B.2), also over the head dimension only.
    """

    @staticmethod
    def forward(
        ctx: Any,
        q_BHTK: Tensor,
        k_BHSK: Tensor,
        v_BHSK: Tensor,
        mask: Tensor | None,
        scale: float,
    ) -> Tensor:
        scores_BHTS = _with_mask((q_BHTK @ k_BHSK.mT).float() * scale, mask)
        shifted_BHTS = scores_BHTS - scores_BHTS.amax(dim=-1, keepdim=True)
        weights_BHTS = shifted_BHTS.exp().to(q_BHTK.dtype)
        factor_BHT1 = 1 / weights_BHTS.float().sum(dim=-1, keepdim=True)
        y_BHTK = ((weights_BHTS @ v_BHSK).float() * factor_BHT1).to(q_BHTK.dtype)
        ctx.save_for_backward(q_BHTK, k_BHSK, v_BHSK, weights_BHTS, factor_BHT1, y_BHTK)
        ctx.scale = scale
        return y_BHTK

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        q_BHTK, k_BHSK, v_BHSK, weights_BHTS, factor_BHT1, y_BHTK = ctx.saved_tensors
        g_BHTK = gradients[0].float() * factor_BHT1
        sum_BHT1 = (g_BHTK * y_BHTK.float()).sum(dim=-1, keepdim=True)
        low_BHTK = g_BHTK.to(v_BHSK.dtype)
        dv_BHSK = weights_BHTS.mT @ low_BHTK
        dweights_BHTS = (low_BHTK @ v_BHSK.mT).float()
        dscores_BHTS = weights_BHTS.float() * (dweights_BHTS - sum_BHT1) * ctx.scale
        low_BHTS = dscores_BHTS.to(weights_BHTS.dtype)
        return low_BHTS @ k_BHSK, low_BHTS.mT @ q_BHTK, dv_BHSK, None, None


def allow_empty_rows(visible_B1TS: Tensor) -> MaskWithEmptyRows:
    """Let positions without a visible key attend to everything, and record that they get zeros.

    >>> mask, has_visible_key_B1T1 = allow_empty_rows(
    ...     torch.tensor([[[[True, False], [False, False]]]])
    ... )
    >>> mask.int()[0, 0].tolist(), has_visible_key_B1T1.flatten().tolist()
    ([[1, 0], [1, 1]], [True, False])
    """
    has_visible_key_B1T1 = visible_B1TS.any(dim=-1, keepdim=True)
    return MaskWithEmptyRows(visible_B1TS | ~has_visible_key_B1T1, has_visible_key_B1T1)


def document_block_mask(
    documents_BT: Tensor, head_dim: int, *, causal: bool, window: int | None
) -> BlockMask | None:
    """Return a block mask for flex attention, or None where a dense mask has to be used."""
    if head_dim not in FLEX_HEAD_DIMS or not _flex_works(documents_BT.device):
        return None

    def is_visible(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:  # noqa: ARG001
        visible = documents_BT[b, q] == documents_BT[b, k]
        if causal:
            visible = visible & (k <= q)
        if window is not None:
            within_window = q - k < window if causal else (q - k).abs() <= window // 2
            visible = visible & within_window
        return visible

    batch, time = documents_BT.shape
    return create_block_mask(is_visible, batch, None, time, time, device=documents_BT.device)


@cache
def _compiled_flex() -> Callable[..., Any]:
    return torch.compile(flex_attention, dynamic=False)


def _is_causal(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:  # noqa: ARG001
    return q >= k


@cache
def _flex_works(device: torch.device) -> bool:
    """Try flex attention once, forward and backward: it needs a compiler and a supported GPU."""
    if device.type != "cuda":
        return False
    try:
        q = torch.randn(1, 1, 128, 64, device=device, dtype=torch.bfloat16, requires_grad=True)
        blocks = create_block_mask(_is_causal, None, None, 128, 128, device=device)
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


# What torch.compiler.assume_constant_result does, but that imports the compiler: a second.
vars(_has_matrix_units)["_dynamo_marked_constant"] = True


def _repeat_kv(x_BGSK: Tensor, q_BHTK: Tensor) -> Tensor:
    """Repeat keys or values for each query head of their group."""
    group = q_BHTK.shape[1] // x_BGSK.shape[1]
    return x_BGSK if group == 1 else x_BGSK.repeat_interleave(group, dim=1)
