"""Attention, with grouped key-value heads as an option.

Vaswani et al. (2017, arXiv 1706.03762); grouped-query attention from Ainslie et al. (2023, arXiv
2305.13245); normalized queries and keys, before their rotation, per head as in Qwen3 or over all
heads as in OLMo 2 (OLMo Team 2025, arXiv 2501.00656, section 3.3). A position encoding may have
another attention, derived from this one.

Choices:
- Without a mask, torch's causal kernel runs and never materializes the T x T score matrix: 1.4 to
  1.5 times as fast at 1,024 positions. With a mask, `attention_kernels` chooses how it is computed.
- Query, key and value are three matrices. A fused one would have to be split again to convert
  checkpoints, for tensor parallelism, and for optimizers that work on one matrix at a time.
- Keys and values may come from another input than the queries: a decoder's from the encoder
  output, XLNet's query stream's from the content stream.

Shapes: B batch, T time, D hidden size, H heads, G key-value heads, K head dimension, S key
positions, R distances.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

from lmkit.model.attention_kernels import Mask, attend
from lmkit.model.kv_cache import LayerCache
from lmkit.model.linear import Linear
from lmkit.model.norm import RMSNorm
from lmkit.model.options import ModelConfig

Rotation = Callable[[Tensor], Tensor]
"""What rotates queries or keys, x_BTHK, by their positions."""


class AttentionInputs(NamedTuple):
    """The mask and the position encodings of one kind of layer."""

    mask: Mask = None
    """Which positions attend to which; None: all to all, or causal."""
    rotation: Rotation | None = None
    """Of the queries, and of the keys unless `kv_rotation` is given."""
    kv_rotation: Rotation | None = None
    distance_encodings_RD: Tensor | None = None
    """An encoding for each distance, of an encoding that has its own attention."""
    columns_BT: Tensor | None = None
    """The columns of the queries, if they aren't the same positions as the keys."""


class Attention(nn.Module):
    """Multi-head attention with query, key, value and output projections."""

    def __init__(self, config: ModelConfig, *, causal: bool = True) -> None:
        super().__init__()
        width, biases = config.hidden_size, config.qkv_biases
        self.head_dim = config.attention_head_dim
        self.causal = causal
        self.scale = config.score_scale
        self.dropout = config.dropout
        inner, shared = config.heads * self.head_dim, config.shape.kv_heads * self.head_dim
        self.query = Linear(width, inner, biases)
        self.key = Linear(width, shared, biases)
        self.value = Linear(width, shared, biases)
        self.output = Linear(inner, width, config.attention_output_biases)
        self.query_norm = self.key_norm = None
        self.norms_heads = config.qk_norm_over == "head"
        if config.qk_norm:
            sizes = (self.head_dim, self.head_dim) if self.norms_heads else (inner, shared)
            self.query_norm, self.key_norm = (RMSNorm(size, config.norm_eps) for size in sizes)

    def forward(
        self,
        x_BTD: Tensor,
        inputs: AttentionInputs,
        cache: LayerCache | None = None,
        kv_input_BSD: Tensor | None = None,
    ) -> Tensor:
        """Attend.

        Args:
            x_BTD: the input of the queries; without `kv_input_BSD` also of the keys and values.
            inputs: the mask and the positions.
            cache: the keys and values of earlier positions, in self-attention.
            kv_input_BSD: the input of the keys and values; None: `x_BTD`.

        """
        q_BHTK = self._split_heads(self.query(x_BTD), self.query_norm, inputs.rotation)
        k_BGSK, v_BGSK = self._keys_and_values(x_BTD, inputs, cache, kv_input_BSD)
        return self._attend_and_project(q_BHTK, k_BGSK, v_BGSK, inputs.mask)

    def _keys_and_values(
        self,
        x_BTD: Tensor,
        inputs: AttentionInputs,
        cache: LayerCache | None,
        kv_input_BSD: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """Return keys and values; those of an encoder output are computed once."""
        if kv_input_BSD is None:
            k_BGSK = self._split_heads(self.key(x_BTD), self.key_norm, inputs.rotation)
            v_BGSK = self._split_heads(self.value(x_BTD))
            return cache.extend(k_BGSK, v_BGSK) if cache else (k_BGSK, v_BGSK)
        if cache and cache.source:
            return cache.source
        k_BGSK = self._split_heads(self.key(kv_input_BSD), self.key_norm, inputs.kv_rotation)
        v_BGSK = self._split_heads(self.value(kv_input_BSD))
        if cache:
            cache.source = (k_BGSK, v_BGSK)
        return k_BGSK, v_BGSK

    def _split_heads(
        self, x_BTE: Tensor, norm: RMSNorm | None = None, rotation: Rotation | None = None
    ) -> Tensor:
        if norm is not None and not self.norms_heads:
            x_BTE = norm(x_BTE)
        x_BTHK = x_BTE.unflatten(-1, (-1, self.head_dim))
        if norm is not None and self.norms_heads:
            x_BTHK = norm(x_BTHK)
        if rotation is not None:
            x_BTHK = rotation(x_BTHK)
        return x_BTHK.transpose(1, 2)

    def _attend_and_project(
        self, q_BHTK: Tensor, k_BGSK: Tensor, v_BGSK: Tensor, mask: Mask
    ) -> Tensor:
        y_BHTK = attend(
            q_BHTK,
            k_BGSK,
            v_BGSK,
            mask,
            causal=self.causal,
            scale=self.scale,
            dropout=self.dropout if self.training else 0.0,
        )
        return self.output(y_BHTK.transpose(1, 2).flatten(-2))
