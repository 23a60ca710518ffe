"""The fields of the model's options: each name, type, default and what it means.

Choices:
- `options.py` resolves and checks them; here is only what `--help` shows.
- Fields that were added after runs had been made are recorded only where they aren't at their
  default (`added`): what earlier runs recorded stays equal to what is recorded today.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from lmkit.config import Group, OneOf
from lmkit.model.positions.registry import POSITIONS

MOST_LAYERS = 4_000
"""More than any model has, and few enough that a model is described in seconds."""
WIDEST = 1_000_000

RotaryScaling = Literal["linear", "yarn", "llama3"]


def added(default: Any, **constraints: Any) -> Any:
    """Return the constraints of a field that is recorded only where it isn't `default`."""
    return Field(exclude_if=lambda value: value == default, **constraints)


class ModelOptions(Group):
    """The shape of a model and its components, as they are typed."""

    preset: (
        Literal[
            "tiny-decoder",
            "llama-1m",
            "llama-5m",
            "llama-15m",
            "llama-120m",
            "llama-1b",
            "gpt2-nano",
            "gpt2-small",
            "gpt2-medium",
            "bert-tiny",
            "bert-mini",
            "bert-small",
            "bert-base",
            "modernbert-base",
            "t5-mini",
            "t5-small",
            "xlnet-base",
            "tiny-encoder",
            "tiny-encoder-decoder",
        ]
        | None
    ) = None
    """A published or named shape, of which the options below may change parts; none: they describe
    the model."""

    architecture: Literal["decoder", "encoder", "encoder-decoder"] = "decoder"
    """decoder: causal attention, predicts the next token; encoder: attention both ways, predicts
    masked tokens; encoder-decoder: reads one text both ways and predicts another."""

    position: Annotated[str, OneOf(POSITIONS)] = "rotary"
    """Position encoding: learned or sinusoidal embeddings are added to the tokens; rotary rotates
    queries and keys; relative (T5), transformer-xl (XLNet) and alibi add to attention scores."""

    layers: Annotated[int, Field(ge=1, le=MOST_LAYERS)] = 6
    """Transformer blocks."""

    decoder_layers: Annotated[int, Field(ge=1, le=MOST_LAYERS)] | None = None
    """Blocks of an encoder-decoder's decoder; none: as many as in its encoder."""

    hidden_size: Annotated[int, Field(ge=1, le=WIDEST)] = 384
    """Hidden size: the width of the residual stream."""

    heads: Annotated[int, Field(ge=1, le=WIDEST)] = 6
    """Attention heads in each block."""

    kv_heads: Annotated[int, Field(ge=1, le=WIDEST)] | None = None
    """Key-value heads, each shared by several query heads (grouped-query attention); none: one for
    each."""

    head_dim: Annotated[int, Field(ge=1, le=WIDEST)] | None = None
    """Dimension of one head's queries, keys and values; none: the hidden size divided by the
    heads."""

    ffn_size: Annotated[int, Field(ge=1, le=10 * WIDEST)] | None = None
    """Hidden size of the feed-forward network; none: 4 times the hidden size, or with a gated
    activation 8/3 of it, up to a multiple of 64."""

    activation: Literal["gelu", "gelu-tanh", "relu", "relu2", "swiglu", "geglu", "geglu-tanh"] = (
        "swiglu"
    )
    """Activation of the feed-forward network; swiglu and geglu are gated."""

    norm: Literal["layernorm", "rmsnorm"] = "rmsnorm"
    """Normalization layer; layernorm also subtracts the mean."""

    norm_position: Literal["pre", "post", "output"] = "pre"
    """pre: normalize the input of each sublayer; post: normalize the sum after it; output:
    normalize the output of each sublayer before it is added, as OLMo 2 does."""

    parallel_residual: Annotated[bool, added(False)] = False
    """Attention and the feed-forward network of a block take the same input, and both are added to
    it, as in GPT-NeoX; else the second takes what the first has changed."""

    norm_eps: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    """Added to the denominator of normalization layers."""

    qk_norm: bool = False
    """Normalize each head's queries and keys before the dot product, as in Qwen3: lower losses, and
    large models are stable. `lmkit pretrain` does so if the model has no preset and is a Qwen3
    otherwise."""

    qk_norm_over: Annotated[Literal["head", "projection"], added("head")] = "head"
    """What is normalized at once with --model.qk-norm: each head, as in Qwen3, or all heads of a
    position together, as in OLMo 2."""

    biases: bool = False
    """Biases in linear layers and layernorms."""

    attention_biases: Annotated[Literal["qkv", "all", "off"] | None, added(None)] = None
    """Biases in attention, where they differ from --model.biases: qkv for queries, keys and values
    only, as in Qwen2; all; off; none: as elsewhere."""

    tie_embeddings: bool = True
    """Use the embedding matrix as output matrix, too."""

    ngram_length: Annotated[int | None, added(None, ge=2, le=8)] = None
    """Add to the embedding of each token those of the n-grams that end with it, of 2 to this many
    tokens: small decoders of characters or bytes then learn in far fewer steps, while n-grams of
    words need much text. There is no such model in Transformers; none: no n-grams."""

    ngram_rows: Annotated[int, added(32_768, ge=1, le=2**31)] = 32_768
    """Rows of the table of each length of n-grams, with --model.ngram-length; several n-grams share
    a row, by a hash of their tokens."""

    window: Annotated[int, Field(ge=2, le=2**31)] | None = None
    """Attention window of sliding-window layers: half to each side in an encoder, the last
    positions in a decoder; none: all layers attend to the whole document."""

    global_every: Annotated[int, Field(ge=1, le=2**31)] | None = None
    """With a window, the first layer and every n-th after it have global attention; none: none
    has."""

    max_positions: Annotated[int, Field(ge=1, le=2**31)] | None = None
    """Longest sequence of learned positions; none: as many as the packed sequences train."""

    first_position: Annotated[int, Field(ge=0, le=2**20), added(0)] = 0
    """Row of the first learned position; RoBERTa's is 2: the rows before aren't used."""

    rotary_base: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 10_000.0
    """Base of rotary embeddings (theta); larger suits longer contexts."""

    local_rotary_base: Annotated[float, Field(ge=1, allow_inf_nan=False)] | None = None
    """The same in sliding-window layers; none: as in the others."""

    rotary_fraction: Annotated[float, added(1.0, gt=0, le=1)] = 1.0
    """Fraction of each head's channels that rotary embeddings rotate; GPT-NeoX's is 0.25."""

    rotary_scaling: Annotated[RotaryScaling | None, added(None)] = None
    """Slower rotation, for contexts longer than those of an earlier training: linear divides all
    positions by --model.rotary-factor; yarn (Peng et al. 2023) and llama3 (of Llama 3.1) leave the
    fast pairs of channels as they are."""

    rotary_factor: Annotated[float | None, added(None, ge=1, allow_inf_nan=False)] = None
    """How many times longer the context is, with --model.rotary-scaling."""

    rotary_original_length: Annotated[int | None, added(None, ge=1, le=2**31)] = None
    """Longest sequence of the earlier training, with yarn and llama3."""

    rotary_slow_rotations: Annotated[float | None, added(None, gt=0, allow_inf_nan=False)] = None
    """Pairs that rotate fewer times than this within the original length are slowed fully; none:
    1."""

    rotary_fast_rotations: Annotated[float | None, added(None, gt=0, allow_inf_nan=False)] = None
    """Pairs that rotate more often than this stay as they are; none: 32 with yarn, 4 with
    llama3."""

    rotary_attention_factor: Annotated[float | None, added(None, gt=0, allow_inf_nan=False)] = None
    """Factor of rotated queries and of rotated keys, with yarn; none: 0.1 ln(factor) + 1."""

    rotary_whole_pairs: Annotated[bool, added(True)] = True
    """Round the bounds of yarn's ramp to whole pairs of channels, as its code does."""

    initialization: Literal["gpt2", "zero-outputs", "t5", "small"] = "gpt2"
    """Weight initialization: as in GPT-2, the same with blocks that change nothing at first
    (zero-outputs), as in T5 (which also divides the logits of tied embeddings by the root of the
    hidden size), or smaller the larger the hidden size is."""

    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout probability in training; it helps where the text is read many times."""

    z_loss: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Weight of the z-loss, the squared log of the softmax denominator, in training; it keeps
    logits from drifting; 1e-4 is usual."""
