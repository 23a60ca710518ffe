"""Shapes that are known by name.

Choices:
- A preset fixes the shape alone. How the model is trained is for other options to say.
- `llama-*` are the block of Touvron et al. (2023, arXiv 2302.13971) in sizes that a laptop, a
  workstation and one large GPU can train; `llama-1b` has the widths of Llama 3.2 1B.
- `tiny-decoder` trains in seconds. It is for tests and for trying out a pipeline.
"""

from typing import NamedTuple


class Shape(NamedTuple):
    """The numbers that decide how many parameters a model has, vocabulary aside."""

    layers: int
    hidden_size: int
    heads: int
    kv_heads: int
    ffn_size: int


PRESETS = {
    "tiny-decoder": Shape(layers=2, hidden_size=64, heads=2, kv_heads=2, ffn_size=192),
    "llama-15m": Shape(layers=6, hidden_size=288, heads=6, kv_heads=6, ffn_size=768),
    "llama-120m": Shape(layers=12, hidden_size=768, heads=12, kv_heads=12, ffn_size=2048),
    "llama-1b": Shape(layers=16, hidden_size=2048, heads=32, kv_heads=8, ffn_size=8192),
}
