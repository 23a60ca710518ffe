"""Named model shapes and components.

Choices:
- A preset has a shape and components, of which typed options change parts. Other options set how
  the model is trained.
- What follows from other numbers in a preset follows from the typed ones, too: BERT's feed-forward
  network is four times as large as the hidden size, and each head has its own keys, in a
  narrower BERT as well. What has no meaning without a part that was changed is left out with it.
- `llama-*` have the block of Touvron et al. (2023, arXiv 2302.13971) in sizes that a laptop, a
  workstation and one large GPU can train; `llama-1b` has the dimensions of Llama 3.2 1B.
- The others have the published shapes: GPT-2 (Radford et al. 2019, table 2; the released
  models have 124 and 355 million parameters), BERT (Devlin et al. 2019, arXiv 1810.04805, section
  3), ModernBERT (Warner et al. 2024, arXiv 2412.13663, tables 3 and 4), T5 (Raffel et al. 2020,
  arXiv 1910.10683, section 3.1.2 and its released t5-small), XLNet (Yang et al. 2019, arXiv
  1906.08237, whose base has BERT's sizes).
- The small ones are those of people with a CPU: BERT's tiny, mini and small of Turc et al. (2019,
  arXiv 1908.08962, table 1), T5's mini of Tay et al. (2021, arXiv 2109.10686, table 2; its
  released model has heads of 64); `gpt2-nano` has the size that nanoGPT trains on a laptop, and
  `llama-1m` and `llama-5m` have about as many weights in their blocks.
- `tiny-*` train in seconds. They are for tests and for trying out a pipeline: a decoder as Llama's,
  an encoder as ModernBERT, an encoder-decoder as T5, but initialized as GPT-2, which a plain AdamW
  can train.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from lmkit.model.positions.registry import POSITIONS

FFN_MULTIPLE = 64  # matrix units work on tiles; a partial tile costs a full one
GATED = {"swiglu": "silu", "geglu": "gelu", "geglu-tanh": "gelu-tanh"}
"""Gated activations, and the function that is applied to the gate."""


class Shape(NamedTuple):
    """The dimensions that decide how many parameters a model has, apart from the vocabulary."""

    layers: int
    hidden_size: int
    heads: int
    kv_heads: int
    ffn_size: int


PRESETS = {
    "tiny-decoder": Shape(layers=2, hidden_size=64, heads=2, kv_heads=2, ffn_size=192),
    "llama-1m": Shape(layers=4, hidden_size=128, heads=4, kv_heads=4, ffn_size=384),
    "llama-5m": Shape(layers=6, hidden_size=256, heads=4, kv_heads=4, ffn_size=704),
    "llama-15m": Shape(layers=6, hidden_size=288, heads=6, kv_heads=6, ffn_size=768),
    "llama-120m": Shape(layers=12, hidden_size=768, heads=12, kv_heads=12, ffn_size=2048),
    "llama-1b": Shape(layers=16, hidden_size=2048, heads=32, kv_heads=8, ffn_size=8192),
    "gpt2-nano": Shape(layers=4, hidden_size=128, heads=4, kv_heads=4, ffn_size=512),
    "gpt2-small": Shape(layers=12, hidden_size=768, heads=12, kv_heads=12, ffn_size=3072),
    "gpt2-medium": Shape(layers=24, hidden_size=1024, heads=16, kv_heads=16, ffn_size=4096),
    "bert-tiny": Shape(layers=2, hidden_size=128, heads=2, kv_heads=2, ffn_size=512),
    "bert-mini": Shape(layers=4, hidden_size=256, heads=4, kv_heads=4, ffn_size=1024),
    "bert-small": Shape(layers=4, hidden_size=512, heads=8, kv_heads=8, ffn_size=2048),
    "bert-base": Shape(layers=12, hidden_size=768, heads=12, kv_heads=12, ffn_size=3072),
    "modernbert-base": Shape(layers=22, hidden_size=768, heads=12, kv_heads=12, ffn_size=1152),
    "t5-mini": Shape(layers=4, hidden_size=384, heads=8, kv_heads=8, ffn_size=1536),
    "t5-small": Shape(layers=6, hidden_size=512, heads=8, kv_heads=8, ffn_size=2048),
    "xlnet-base": Shape(layers=12, hidden_size=768, heads=12, kv_heads=12, ffn_size=3072),
    "tiny-encoder": Shape(layers=2, hidden_size=64, heads=2, kv_heads=2, ffn_size=128),
    "tiny-encoder-decoder": Shape(layers=2, hidden_size=64, heads=2, kv_heads=2, ffn_size=192),
}

_GPT2 = {
    "position": "learned",
    "max_positions": 1024,
    "activation": "gelu-tanh",
    "norm": "layernorm",
    "biases": True,
}
_BERT = {
    "architecture": "encoder",
    "position": "learned",
    "max_positions": 512,
    "activation": "gelu",
    "norm": "layernorm",
    "norm_position": "post",
    "norm_eps": 1e-12,
    "biases": True,
}
_MODERNBERT = {
    "architecture": "encoder",
    "activation": "geglu",
    "norm": "layernorm",
    "window": 128,
    "global_every": 3,
    "rotary_base": 160_000.0,
    "local_rotary_base": 10_000.0,
}
_T5 = {
    "architecture": "encoder-decoder",
    "position": "relative",
    "activation": "relu",
    "norm_eps": 1e-6,
}
_XLNET = {
    "architecture": "encoder",
    "position": "transformer-xl",
    "activation": "gelu",
    "norm": "layernorm",
    "norm_position": "post",
    "norm_eps": 1e-12,
    "biases": True,
}

PARTS: Mapping[str, Mapping[str, Any]] = {
    "gpt2-nano": _GPT2,
    "gpt2-small": _GPT2,
    "gpt2-medium": _GPT2,
    "bert-tiny": _BERT,
    "bert-mini": _BERT,
    "bert-small": _BERT,
    "bert-base": _BERT,
    "modernbert-base": _MODERNBERT,
    "t5-mini": _T5 | {"initialization": "t5", "head_dim": 64},
    "t5-small": _T5 | {"initialization": "t5"},
    "xlnet-base": _XLNET,
    "tiny-encoder": _MODERNBERT,
    "tiny-encoder-decoder": _T5,
}
"""The components of a preset that aren't the defaults."""


def named_values(preset: str) -> dict[str, Any]:
    """Return the shape of a preset, and its components that aren't the defaults."""
    return PRESETS[preset]._asdict() | dict(PARTS.get(preset, {}))


def starting_values(preset: str, typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a preset sets where some options are typed, which may be texts.

    >>> starting_values("llama-15m", {}).keys() - starting_values("llama-15m", {"heads": 4}).keys()
    set()
    >>> starting_values("bert-tiny", {"position": "rotary"}).get("max_positions")
    """
    values, shape = named_values(preset), PRESETS[preset]
    position = POSITIONS.get(str(typed.get("position", values.get("position", "rotary"))))
    window = typed.get("window", values.get("window"))
    follows = {
        "kv_heads": shape.kv_heads == shape.heads,
        "ffn_size": shape.ffn_size
        == default_ffn_size(shape.hidden_size, values.get("activation", "swiglu")),
        "max_positions": position is not None and "max_positions" not in position.options,
        "global_every": window in {None, "none"},
        "local_rotary_base": window in {None, "none"}
        or (position is not None and "local_rotary_base" not in position.options),
    }
    return {name: value for name, value in values.items() if not follows.get(name)}


def default_ffn_size(hidden_size: int, activation: str) -> int:
    """Return the size of a feed-forward network: 4 times the hidden size, or as costly with a gate.

    A gated one has three matrices, which cost at 8/3 of the hidden size what two do at 4 times of
    it (section 2 of Shazeer 2020, arXiv 2002.05202).

    >>> default_ffn_size(384, "gelu"), default_ffn_size(384, "swiglu")
    (1536, 1024)
    """
    if activation not in GATED:
        return 4 * hidden_size
    return -(-hidden_size * 8 // (3 * FFN_MULTIPLE)) * FFN_MULTIPLE
