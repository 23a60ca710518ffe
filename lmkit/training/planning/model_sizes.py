"""Shapes of models from small to large, among which a plan chooses.

Choices:
- The hidden size is 64 times the number of layers, as in nanochat, but there are at least 4 layers.
  The loss depends little on this ratio (figure 5 of Kaplan et al. 2020, arXiv 2001.08361).
- Heads have 64 dimensions, and all widths are multiples of 64, so matrix units have full tiles.
- Next to each other, sizes differ by a factor of 1.3 to 2.3 in their parameters: finer ones would
  differ by less than what is known about their losses.
"""

from typing import NamedTuple

HEAD_DIM = 64
LEAST_LAYERS = 4
WIDTHS = (
    *(64, 128, 192, 256, 320, 384, 448, 512, 576, 640, 704, 768, 896, 1024, 1152, 1280, 1536, 1792),
    *(2048, 2560, 3072, 3584, 4096, 5120, 6144, 8192),
)


class ModelSize(NamedTuple):
    """The numbers that a plan chooses."""

    layers: int
    hidden_size: int
    heads: int


def model_sizes() -> list[ModelSize]:
    """Return all sizes, the smallest first.

    >>> model_sizes()[0], model_sizes()[5], model_sizes()[-1]
    ... # doctest: +NORMALIZE_WHITESPACE
    (ModelSize(layers=4, hidden_size=64, heads=1), ModelSize(layers=6, hidden_size=384, heads=6),
    ModelSize(layers=128, hidden_size=8192, heads=128))
    """
    return [
        ModelSize(max(LEAST_LAYERS, width // HEAD_DIM), width, width // HEAD_DIM)
        for width in WIDTHS
    ]
