"""Attention, with fewer key-value heads than query heads where asked.

Vaswani et al. (2017, arXiv 1706.03762); grouped queries from Ainslie et al. (2023, arXiv
2305.13245); normalized queries and keys, each head by itself and before it is turned, as in Qwen3;
`TransformerXLAttention` from Dai et al. (2019, arXiv 1901.02860, section 3.3) as XLNet has it.

Choices:
- Without a mask, torch's causal kernel runs and never makes the T x T table: 1.4 to 1.5 times as
  fast at 1,024 places. With one, how it is computed is chosen in `kernels`.
- Query, key and value are three matrices. A single one would have to be cut up
  again to exchange weights, to split heads over devices, or for optimizers that look at a matrix.
- Places may look at others than themselves: a decoder's at its source, XLNet's query stream at the
  content stream.

Shapes: B batch, T time, D width, H heads, G key-value heads, K head width, S places seen,
R distances.
"""

import torch
from torch import Tensor, nn

from lmkit.model.attention_kernels import Mask, Partial, attend
from lmkit.model.kv_cache import LayerCache
from lmkit.model.linear import Linear
from lmkit.model.masks import biased
from lmkit.model.norm import RMSNorm
from lmkit.model.options import ModelConfig
from lmkit.model.positions import Rotation, rotate, shifted


class Attention(nn.Module):
    """Each place looks at others, and takes from those that suit it."""

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
        turn: Rotation | None = None,
        mask: Mask = None,
        cache: LayerCache | None = None,
        seen_BSD: Tensor | None = None,
        seen_turn: Rotation | None = None,
    ) -> Tensor:
        """Mix the places.

        Args:
            x_BTD: the places that look.
            turn: their rotary angles.
            mask: who sees whom; None: each sees all of its row, a causal one up to itself.
            cache: what was read before, if these places look at themselves.
            seen_BSD: the places looked at; None: these themselves.
            seen_turn: the angles of those.

        """
        q_BHTK = self._heads(self.query(x_BTD), self.query_norm, turn)
        k_BGSK, v_BGSK = self._seen(x_BTD, turn, cache, seen_BSD, seen_turn)
        return self._mixed(q_BHTK, k_BGSK, v_BGSK, mask)

    def _seen(
        self,
        x_BTD: Tensor,
        turn: Rotation | None,
        cache: LayerCache | None,
        seen_BSD: Tensor | None,
        seen_turn: Rotation | None,
    ) -> tuple[Tensor, Tensor]:
        """Return keys and values; those of a source are made once."""
        if seen_BSD is None:
            k_BGSK = self._heads(self.key(x_BTD), self.key_norm, turn)
            v_BGSK = self._heads(self.value(x_BTD))
            return cache.extend(k_BGSK, v_BGSK) if cache else (k_BGSK, v_BGSK)
        if cache and cache.source:
            return cache.source
        k_BGSK = self._heads(self.key(seen_BSD), self.key_norm, seen_turn)
        v_BGSK = self._heads(self.value(seen_BSD))
        if cache:
            cache.source = (k_BGSK, v_BGSK)
        return k_BGSK, v_BGSK

    def _heads(
        self, x_BTE: Tensor, norm: RMSNorm | None = None, turn: Rotation | None = None
    ) -> Tensor:
        x_BTHK = x_BTE.unflatten(-1, (-1, self.head_dim))
        if norm is not None:
            x_BTHK = norm(x_BTHK)
        if turn is not None:
            x_BTHK = rotate(x_BTHK, turn)
        return x_BTHK.transpose(1, 2)

    def _mixed(self, q_BHTK: Tensor, k_BGSK: Tensor, v_BGSK: Tensor, mask: Mask) -> Tensor:
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
    """Scores also depend on the distance: on the query's part of it, and on the distance alone."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config, causal=False)
        # Vectors, so that weight decay leaves them alone, as it does all biases.
        self.content_bias = nn.Parameter(torch.empty(config.heads * self.head_dim))
        self.position_bias = nn.Parameter(torch.empty(config.heads * self.head_dim))
        self.distance = Linear(config.hidden_size, config.heads * self.head_dim)

    def look(
        self,
        x_BTD: Tensor,
        codes_RD: Tensor,
        mask: Mask,
        seen_BSD: Tensor | None = None,
        columns_BT: Tensor | None = None,
    ) -> Tensor:
        """Mix the places, given a code for each distance from S down to 1 - S.

        `columns_BT` says where these places stand among those seen; None: they are the same.
        """
        seen_BSD = x_BTD if seen_BSD is None else seen_BSD
        q_BTE = self.query(x_BTD)
        q_BHTK = self._heads(q_BTE + self.position_bias.to(q_BTE.dtype))
        code_HKR = self._heads(self.distance(codes_RD)[None])[0].mT
        by_distance_BHTR = q_BHTK @ code_HKR
        if columns_BT is None:
            bias_BHTS = shifted(by_distance_BHTR)
        else:
            places = seen_BSD.shape[1]
            from_BT1 = places - columns_BT.unsqueeze(-1)
            at_BTS = from_BT1 + torch.arange(places, device=x_BTD.device)
            heads = by_distance_BHTR.shape[1]
            bias_BHTS = by_distance_BHTR.gather(3, at_BTS[:, None].expand(-1, heads, -1, -1))
        bias_BHTS = bias_BHTS * self.scale
        lit_B1T1 = None
        if isinstance(mask, Partial):
            mask, lit_B1T1 = mask
        assert mask is None or isinstance(mask, Tensor)
        scores_BHTS = biased(bias_BHTS, mask)
        assert scores_BHTS is not None
        q_BHTK = self._heads(q_BTE + self.content_bias.to(q_BTE.dtype))
        k_BHSK, v_BHSK = self._heads(self.key(seen_BSD)), self._heads(self.value(seen_BSD))
        if lit_B1T1 is not None:
            return self._mixed(q_BHTK, k_BHSK, v_BHSK, Partial(scores_BHTS, lit_B1T1))
        return self._mixed(q_BHTK, k_BHSK, v_BHSK, scores_BHTS)
