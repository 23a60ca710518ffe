"""Transformer-XL's positions: a bias computed from the query and an encoding of the distance.

Dai et al. (2019, arXiv 1901.02860, section 3.3), as XLNet has it (Yang et al. 2019, arXiv
1906.08237). XLNet differs from BERT in more: its attention has no other biases, and its encoder no
head, which is in the registry; and the query vector of its second stream is random at the start.

Shapes: B batch, T time, S key positions, D hidden size, H heads, K head dimension, E = H K, R
distances.
"""

import torch
from torch import Tensor, nn

from lmkit.model.attention import Attention, AttentionInputs
from lmkit.model.attention_kernels import MaskWithEmptyRows
from lmkit.model.kv_cache import LayerCache
from lmkit.model.linear import Linear
from lmkit.model.masks import bias_with_mask
from lmkit.model.options import ModelConfig
from lmkit.model.positions.encoding import PositionEncoding, StackShape
from lmkit.model.positions.sinusoidal import sines_and_cosines


class TransformerXLAttention(Attention):
    """Adds to each score a term of query and distance, and one of the distance alone."""

    def __init__(self, config: ModelConfig, *, causal: bool = False) -> None:
        super().__init__(config, causal=causal)
        self.channels = config.heads * self.head_dim
        self.first_channel = 0
        """The first channel of the queries; those before it may be another process's."""
        # Vectors, so that they get no weight decay, like all biases.
        self.content_bias = nn.Parameter(torch.empty(self.channels))
        self.position_bias = nn.Parameter(torch.empty(self.channels))
        self.distance = Linear(config.hidden_size, self.channels)

    def forward(
        self,
        x_BTD: Tensor,
        inputs: AttentionInputs,
        cache: LayerCache | None = None,
        kv_input_BSD: Tensor | None = None,
    ) -> Tensor:
        """Attend, given an encoding for each distance from S down to 1 - S; without a cache."""
        assert cache is None, "a cache is of a decoder"
        kv_input_BSD = x_BTD if kv_input_BSD is None else kv_input_BSD
        q_BTE = self.query(x_BTD)
        bias_BHTS = self._position_scores(q_BTE, inputs, kv_input_BSD.shape[1]) * self.scale
        mask, has_visible_key_B1T1 = inputs.mask, None
        if isinstance(mask, MaskWithEmptyRows):
            mask, has_visible_key_B1T1 = mask
        assert mask is None or isinstance(mask, Tensor)
        scores_BHTS = bias_with_mask(bias_BHTS, mask)
        assert scores_BHTS is not None
        q_BHTK = self._split_heads(self._biased(q_BTE, self.content_bias))
        k_BHSK, v_BHSK = (
            self._split_heads(self.key(kv_input_BSD)),
            self._split_heads(self.value(kv_input_BSD)),
        )
        if has_visible_key_B1T1 is not None:
            return self._attend_and_project(
                q_BHTK, k_BHSK, v_BHSK, MaskWithEmptyRows(scores_BHTS, has_visible_key_B1T1)
            )
        return self._attend_and_project(q_BHTK, k_BHSK, v_BHSK, scores_BHTS)

    def _biased(self, q_BTE: Tensor, bias: Tensor) -> Tensor:
        """Add a bias to the queries of the heads that there are."""
        own_E = bias.narrow(0, self.first_channel, q_BTE.shape[-1])
        return q_BTE + own_E.to(q_BTE.dtype)

    def _position_scores(self, q_BTE: Tensor, inputs: AttentionInputs, length: int) -> Tensor:
        """Return the score of each query and key by their distance, not scaled."""
        assert inputs.distance_encodings_RD is not None
        q_BHTK = self._split_heads(self._biased(q_BTE, self.position_bias))
        encodings_HKR = self._split_heads(self.distance(inputs.distance_encodings_RD)[None])[0].mT
        by_distance_BHTR = q_BHTK @ encodings_HKR
        if inputs.columns_BT is None:
            return relative_shift(by_distance_BHTR)
        largest_distance_BT1 = length - inputs.columns_BT.unsqueeze(-1)
        distance_index_BTS = largest_distance_BT1 + torch.arange(length, device=q_BTE.device)
        heads = by_distance_BHTR.shape[1]
        return by_distance_BHTR.gather(3, distance_index_BTS[:, None].expand(-1, heads, -1, -1))


class TransformerXL(PositionEncoding):
    """An attention with encodings of distances, which all blocks share."""

    attention = TransformerXLAttention
    adds_to_scores = trains_bias = True
    random_vectors = ("content_bias", "position_bias", "query_vector")
    score_flops = 24
    """It also scores 2 T distances."""

    def distance_encodings(self, length: int, device: torch.device) -> Tensor | None:
        """Return the sinusoids of each distance."""
        return distance_encodings(length, self.config.hidden_size, device)

    def attention_parameters(self) -> int:
        """Count the matrix for encodings of distances, and two biases."""
        inner = self.config.heads * self.config.attention_head_dim
        return self.config.hidden_size * inner + 2 * inner

    def activations(self, stack: StackShape) -> int:
        """Return the bytes of a second query, of distance encodings, and of distances as int64.

        The encodings are projected once for each stream.
        """
        inner = self.config.heads * self.config.attention_head_dim
        length, queries = stack.length, stack.queries
        streams = 2 if queries else 1
        per_block = stack.low * inner * (length + queries + streams * 2 * length)
        return stack.layers * (per_block + 8 * queries * length)


def distance_encodings(time: int, width: int, device: torch.device) -> Tensor:
    """Return Transformer-XL's encoding of each distance R from `time` down to 1 - `time`.

    All sines come before all cosines, as in XLNet's code.
    """
    distances_R = torch.arange(time, -time, -1, device=device)
    return torch.cat(sines_and_cosines(distances_R, width), dim=-1)


def relative_shift(scores_BHTR: Tensor) -> Tensor:
    """Select from each query's scores for all distances the one for each key.

    Column r is the distance T - r; query i finds the distance i - j to key j in column T - i + j.
    In the flattened matrix these are the rows of a matrix whose rows are one shorter.

    >>> relative_shift(torch.arange(2, -2, -1).expand(1, 1, 2, 4))[0, 0].tolist()
    [[0, -1], [1, 0]]
    """
    time = scores_BHTR.shape[-2]
    line = scores_BHTR.flatten(-2)[..., time : time + time * (2 * time - 1)]
    return line.unflatten(-1, (time, 2 * time - 1))[..., :time]
