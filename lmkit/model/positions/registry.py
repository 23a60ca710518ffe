"""The registry of position encodings: their names, and what options need to know about them.

Choices:
- An encoding is a file of this folder, with a subclass of `PositionEncoding`, and an entry here.
- Nothing here imports torch, since options are read by `lmkit pretrain --help`. An entry holds what
  is checked before any work; what an encoding computes is in its class, which is imported when a
  model is made.
- The encodings that can't be combined with an option exclude it here. What replaces them is advice
  in the error, in `lmkit.model.options`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

BUCKETS = 32
"""Of relative positions: ranges of distances, each with a bias for each head."""
MAX_DISTANCE = 128
"""Of relative positions: all distances from here on are in the last bucket."""
SCALING_OPTIONS = (
    "rotary_scaling",
    "rotary_factor",
    "rotary_original_length",
    "rotary_slow_rotations",
    "rotary_fast_rotations",
    "rotary_attention_factor",
    "rotary_whole_pairs",
)
"""Options of rotary positions for contexts longer than those of an earlier training."""


@dataclass(frozen=True)
class Position:
    """A position encoding, as far as it is known without torch."""

    path: str
    """Its file and its class, such as `rotary.Rotary`."""
    architectures: tuple[str, ...] = ("decoder", "encoder", "encoder-decoder")
    """The architectures that can have it."""
    excludes: tuple[str, ...] = ()
    """Options of the model that can't be combined with it."""
    options: tuple[str, ...] = ()
    """Options that have a meaning only with it, and with others that list them."""
    even_hidden_size: bool = False
    """Whether it has a sine and a cosine for each pair of channels."""
    even_head_dim: bool = False
    """Whether it rotates pairs of a head's channels."""
    scales_scores: bool = True
    """Whether scores are divided by the root of the head dimension: T5's aren't."""
    scales_embeddings: bool = False
    """Whether token embeddings are multiplied by the root of the hidden size: added sinusoids would
    dominate them."""
    attention_biases: bool = True
    """Whether attention may have biases in its matrices: XLNet has other biases."""
    encoder_head: bool = True
    """Whether an encoder has a head, and normalizes its embeddings: BERT's do, XLNet doesn't."""

    def load(self) -> Any:
        """Import its class, a subclass of `PositionEncoding`."""
        module, _, name = self.path.partition(".")
        return getattr(import_module(f"{__package__}.{module}"), name)


POSITIONS: Mapping[str, Position] = {
    "learned": Position("learned.Learned", options=("max_positions", "first_position")),
    "sinusoidal": Position("sinusoidal.Sinusoidal", even_hidden_size=True, scales_embeddings=True),
    "relative": Position("relative.Relative", scales_scores=False),
    "transformer-xl": Position(
        "transformer_xl.TransformerXL",
        architectures=("encoder",),
        excludes=("kv_heads", "window", "qk_norm", "attention_biases"),
        even_hidden_size=True,
        attention_biases=False,
        encoder_head=False,
    ),
    "rotary": Position(
        "rotary.Rotary",
        options=("local_rotary_base", "rotary_fraction", *SCALING_OPTIONS),
        even_head_dim=True,
    ),
    "alibi": Position("alibi.Alibi"),
    "none": Position("encoding.PositionEncoding"),
}
