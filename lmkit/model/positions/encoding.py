"""What a position encoding does in a model, and what it costs.

An encoding may add a vector to each token's embedding, rotate queries and keys, add a bias to the
scores, or have its own attention. The model asks each encoding for all of these, and never for its
name. `PositionEncoding` has none of them. It is the encoding `none`: a causal decoder learns
positions without (Haviv et al. 2022, arXiv 2203.16634).

Choices:
- An encoding holds no weights: it makes them, the model registers them, and it gets them back when
  it computes. So their names and their order in a checkpoint are those of the model, and FSDP may
  replace them.
- Nothing that positions determine is stored. A table would have to be sized for the longest text,
  saved or left out of checkpoints, and moved between devices; the angles of a batch cost less than
  1% of one block.
- Distances are those of columns in the sequence. Inside a document, which is contiguous, they are
  the distances of its positions, and nothing else is ever attended to; so one table serves all
  sequences.

Shapes: B batch, T time, S key positions, D hidden size, H heads, R distances.
"""

from typing import ClassVar, NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn

from lmkit.model.attention import Attention, Rotation
from lmkit.model.attention_kernels import Kernels
from lmkit.model.options import ModelConfig
from lmkit.model.positions.registry import POSITIONS


class AttentionStack(Protocol):
    """What a bias depends on besides the config: properties of an encoder or a decoder."""

    causal: bool
    """Whether queries attend only to earlier keys."""
    relative_bias: nn.Parameter | None
    """The trained numbers of the bias, `PositionEncoding.relative_bias_size` of them."""


class StackShape(NamedTuple):
    """What a stack computes for a sequence, as far as memory depends on it."""

    layers: int
    length: int
    """Of the sequence."""
    queries: int
    """Number of positions in the query stream."""
    kernels: Kernels
    low: int
    """Bytes per number in a matrix product."""


class PositionEncoding:
    """No positions; other encodings override what they have."""

    attention: ClassVar[type[Attention]] = Attention
    """The self-attention of blocks."""
    adds_to_scores: ClassVar[bool] = False
    """Whether a bias is added to the scores. Then attention keeps a T x S matrix for each head, and
    flex attention isn't used."""
    trains_bias: ClassVar[bool] = False
    """Whether that bias has a gradient, which torch's fast attention kernels don't compute."""
    random_vectors: ClassVar[tuple[str, ...]] = ()
    """Names of vectors that are random at the start; others are 0. Matrices always are random."""
    score_flops: ClassVar[int] = 12
    """FLOPs of a training step per query, key and channel: scores and the mean of the values."""

    def __init__(self, config: ModelConfig) -> None:
        self.config = config

    def position_embedding(self) -> nn.Module | None:
        """Return what gives a vector for each position, to be added to the token's embedding."""

    def rotation(self, positions_BT: Tensor, *, windowed: bool) -> Rotation | None:
        """Return what rotates queries or keys in these positions, in sliding-window layers or not.

        The rotation takes and returns x_BTHK, the channels of each head.
        """

    def score_bias(self, distances_TS: Tensor, stack: AttentionStack) -> Tensor | None:
        """Return what is added to the scores of each head, in the shape H T S, or B H T S.

        `distances_TS`, or B T S, are how far each key is before its query.
        """

    def distance_encodings(self, length: int, device: torch.device) -> Tensor | None:
        """Return an encoding of each distance R from `length` down, for an attention of its own."""

    @property
    def relative_bias_size(self) -> int:
        """Number of trained numbers for the bias; they are a vector, shared by a stack's blocks."""
        return 0

    def embedding_parameters(self) -> int:
        """Count the parameters of the position embedding."""
        return 0

    def attention_parameters(self) -> int:
        """Count the parameters that its own attention has in addition, in one block."""
        return 0

    def activations(self, stack: StackShape) -> int:  # noqa: ARG002
        """Return the bytes per sequence that a stack keeps in addition for the backward pass."""
        return 0


def encoding_of(config: ModelConfig) -> PositionEncoding:
    """Return the position encoding of a model.

    >>> type(encoding_of(ModelConfig(position="alibi"))).__name__
    'Alibi'
    """
    return cast(type[PositionEncoding], POSITIONS[config.position].load())(config)
