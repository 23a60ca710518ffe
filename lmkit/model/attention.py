"""Attention, with grouped key-value heads as an option.

Vaswani et al. (2017, arXiv 1706.03762); grouped-query attention from Ainslie et al. (2023, arXiv
2305.13245); normalized queries and keys, per head and before the rotary embedding, as in Qwen3;
`TransformerXLAttention` from Dai et al. (2019, arXiv 1901.02860, section 3.3) as XLNet has it.

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

import torch
from torch import Tensor, nn

from lmkit.model.attention_kernels import Mask, MaskWithEmptyRows, attend
from lmkit.model.kv_cache import LayerCache
from lmkit.model.linear import Linear
from lmkit.model.masks import bias_with_mask
from lmkit.model.norm import RMSNorm
from lmkit.model.options import ModelConfig
from lmkit.model.positions import RotaryAngles, apply_rotary, relative_shift


class Attention(nn.Module):
    """Multi-head attention with query, key, value and output projections."""

    def __init__(self, config: ModelConfig, *, causal: bool = True) -> None:
        super().__init__()
        width, biases = config.hidden_size, config.attention_biases
        self.head_dim = config.attention_head_dim
        self.causal = causal
        self.scale = config.score_scale
        self.dropout = config.dropout
        inner, shared = config.heads * self.head_dim, config.shape.kv_heads * self.head_dim
        self.query = Linear(width, inner, biases)
        self.key = Linear(width, shared, biases)
        self.value = Linear(width, shared, biases)
        self.output = Linear(inner, width, biases)
        self.query_norm = self.key_norm = None
        if config.qk_norm:
            self.query_norm = RMSNorm(self.head_dim, config.norm_eps)
            self.key_norm = RMSNorm(self.head_dim, config.norm_eps)

    def forward(
        self,
        x_BTD: Tensor,
        rope: RotaryAngles | None = None,
        mask: Mask = None,
        cache: LayerCache | None = None,
        kv_input_BSD: Tensor | None = None,
        kv_rope: RotaryAngles | None = None,
    ) -> Tensor:
        """Attend.

        Args:
            x_BTD: the input of the queries; without `kv_input_BSD` also of the keys and values.
            rope: the rotary angles of the queries.
            mask: which positions attend to which; None: all to all, or causal.
            cache: the keys and values of earlier positions, in self-attention.
            kv_input_BSD: the input of the keys and values; None: `x_BTD`.
            kv_rope: the rotary angles of the keys.

        """
        q_BHTK = self._split_heads(self.query(x_BTD), self.query_norm, rope)
        k_BGSK, v_BGSK = self._keys_and_values(x_BTD, rope, cache, kv_input_BSD, kv_rope)
        return self._attend_and_project(q_BHTK, k_BGSK, v_BGSK, mask)

    def _keys_and_values(
        self,
        x_BTD: Tensor,
        rope: RotaryAngles | None,
        cache: LayerCache | None,
        kv_input_BSD: Tensor | None,
        kv_rope: RotaryAngles | None,
    ) -> tuple[Tensor, Tensor]:
        """Return keys and values; those of an encoder output are computed once."""
        if kv_input_BSD is None:
            k_BGSK = self._split_heads(self.key(x_BTD), self.key_norm, rope)
            v_BGSK = self._split_heads(self.value(x_BTD))
            return cache.extend(k_BGSK, v_BGSK) if cache else (k_BGSK, v_BGSK)
        if cache and cache.source:
            return cache.source
        k_BGSK = self._split_heads(self.key(kv_input_BSD), self.key_norm, kv_rope)
        v_BGSK = self._split_heads(self.value(kv_input_BSD))
        if cache:
            cache.source = (k_BGSK, v_BGSK)
        return k_BGSK, v_BGSK

    def _split_heads(
        self, x_BTE: Tensor, norm: RMSNorm | None = None, rope: RotaryAngles | None = None
    ) -> Tensor:
        x_BTHK = x_BTE.unflatten(-1, (-1, self.head_dim))
        if norm is not None:
            x_BTHK = norm(x_BTHK)
        if rope is not None:
            x_BTHK = apply_rotary(x_BTHK, rope)
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


class TransformerXLAttention(Attention):
    """Adds to each score a term of query and distance, and one of the distance alone."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config, causal=False)
        # Vectors, so that they get no weight decay, like all biases.
        self.content_bias = nn.Parameter(torch.empty(config.heads * self.head_dim))
        self.position_bias = nn.Parameter(torch.empty(config.heads * self.head_dim))
        self.distance = Linear(config.hidden_size, config.heads * self.head_dim)

    def relative_attention(
        self,
        x_BTD: Tensor,
        distance_encodings_RD: Tensor,
        mask: Mask,
        kv_input_BSD: Tensor | None = None,
        columns_BT: Tensor | None = None,
    ) -> Tensor:
        """Attend, given an encoding for each distance from S down to 1 - S.

        `columns_BT` are the columns of the queries among the keys; None: both are the same
        positions.
        """
        kv_input_BSD = x_BTD if kv_input_BSD is None else kv_input_BSD
        q_BTE = self.query(x_BTD)
        q_BHTK = self._split_heads(q_BTE + self.position_bias.to(q_BTE.dtype))
        encodings_HKR = self._split_heads(self.distance(distance_encodings_RD)[None])[0].mT
        by_distance_BHTR = q_BHTK @ encodings_HKR
        if columns_BT is None:
            bias_BHTS = relative_shift(by_distance_BHTR)
        else:
            length = kv_input_BSD.shape[1]
            largest_distance_BT1 = length - columns_BT.unsqueeze(-1)
            distance_index_BTS = largest_distance_BT1 + torch.arange(length, device=x_BTD.device)
            heads = by_distance_BHTR.shape[1]
            bias_BHTS = by_distance_BHTR.gather(
                3, distance_index_BTS[:, None].expand(-1, heads, -1, -1)
            )
        bias_BHTS = bias_BHTS * self.scale
        has_visible_key_B1T1 = None
        if isinstance(mask, MaskWithEmptyRows):
            mask, has_visible_key_B1T1 = mask
        assert mask is None or isinstance(mask, Tensor)
        scores_BHTS = bias_with_mask(bias_BHTS, mask)
        assert scores_BHTS is not None
        q_BHTK = self._split_heads(q_BTE + self.content_bias.to(q_BTE.dtype))
        k_BHSK, v_BHSK = (
            self._split_heads(self.key(kv_input_BSD)),
            self._split_heads(self.value(kv_input_BSD)),
        )
        if has_visible_key_B1T1 is not None:
            return self._attend_and_project(
                q_BHTK, k_BHSK, v_BHSK, MaskWithEmptyRows(scores_BHTS, has_visible_key_B1T1)
            )
        return self._attend_and_project(q_BHTK, k_BHSK, v_BHSK, scores_BHTS)
