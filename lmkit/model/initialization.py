"""Weight initialization, by name.

    gpt2    N(0, 0.02); matrices that write to the residual stream 1/sqrt(n) of that, n being the
            number of such matrices (Radford et al. 2019, section 2.3).
    zero-outputs
            gpt2, but matrices that write to the residual stream are 0: each block starts as the
            identity (Zhang et al. 2019, arXiv 1901.09321, section 3; modded-nanogpt and nanochat).
    small   N(0, sqrt(2 / (5 D))) (Nguyen and Salazar 2019, arXiv 1910.05895, section 2.2); matrices
            that write to the residual stream 2 / (L sqrt(D)), as in GPT-NeoX-20B (Black et al.
            2022, arXiv 2204.06745, section 2.1); embeddings half of the first, or the logits of a
            new model would vary by 0.4 and its loss would be 0.2 above ln V.
    t5      as Mesh TensorFlow and Transformers' T5: embeddings N(0, 1), matrices N(0, 1 / inputs),
            queries 1/sqrt(K) of that where scores aren't scaled.

Choices:
- On the CPU, in a fixed order, and from a dedicated generator: a seed gives the same model on every
  device and for any number of processes.
- Some rows are drawn at a time, and a process that has a part of a parameter keeps what belongs to
  it: so initialization never holds a full model, nor a full matrix.
- Norm weights are 1, biases and the tables of n-grams 0. XLNet's attention biases are random, as in
  its code, and so is its query vector; elsewhere only the permutation objective uses that, and
  where it isn't used it remains 0.
- The loss of a new model is ln V within 2% for gpt2, zero-outputs and small. T5's logits are
  products of a normalized hidden state and an embedding of variance 1, times 1/sqrt(D), so they
  vary by 1 and the loss is ln V + 1/2. In a wide decoder it is more: a hidden state still
  resembles the embedding of its input token, by cosine c, and gives that token the logit c sqrt(D).

Shapes: D hidden size, K head dimension, L blocks, V vocabulary.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lmkit.model.options import ModelConfig
from lmkit.model.positions.encoding import encoding_of

STANDARD_DEVIATION = 0.02
RESIDUAL_OUTPUTS = ("attention.output.weight", "feed_forward.down.weight")


PIECE = 2**20
"""Numbers that are drawn at a time."""
DRAWN_TOGETHER = 16
"""Numbers that torch draws as one: it makes pairs of normal numbers from the first eight and the
last eight uniform ones (`normal_fill` of ATen)."""


class LocalPart(NamedTuple):
    """What a process has of a parameter: all of it, or one part of an axis."""

    tensor: Tensor
    axis: int = 0
    start: int = 0
    """Where on that axis the part begins."""

    def copy_rows(self, first: int, rows: Tensor) -> None:
        """Copy from some rows of the full parameter what belongs to the part."""
        if self.axis:
            own = rows.narrow(self.axis, self.start, self.tensor.shape[self.axis])
            self.tensor[first : first + len(rows)].copy_(own)
            return
        begin = max(first, self.start)
        end = min(first + len(rows), self.start + len(self.tensor))
        if begin < end:
            own = rows[begin - first : end - first]
            self.tensor[begin - self.start : end - self.start].copy_(own)


@torch.no_grad()
def initialize_weights(
    parameters: Iterable[tuple[str, nn.Parameter]],
    config: ModelConfig,
    seed: int,
    part_of: Callable[[nn.Parameter], LocalPart] = LocalPart,
) -> None:
    """Initialize every weight; a seed gives the same values on every device.

    `part_of` returns what this process has of a parameter.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in parameters:
        part = part_of(parameter)
        if part.tensor.is_meta:  # to be loaded from a checkpoint, or to be sharded first
            continue
        std = standard_deviation(name, parameter, config)
        if std is None:
            part.tensor.fill_(1.0 if name.endswith("norm.weight") else 0.0)
            continue
        for first, rows in _drawn_rows(parameter.shape, std, generator):
            part.copy_rows(first, rows)


def _drawn_rows(
    shape: torch.Size, std: float, generator: torch.Generator
) -> Iterator[tuple[int, Tensor]]:
    """Draw a tensor some rows at a time; yield the number of the first of them, and the rows.

    They are the numbers that torch draws for the full tensor. It draws the last 16 once more where
    their number isn't a multiple of 16, and otherwise if there are fewer than 16: so all pieces but
    the last are multiples of 16, and the last has at least 16.
    """
    rows, width = shape[0], shape[1:].numel()
    step = max(1, PIECE // (DRAWN_TOGETHER * width)) * DRAWN_TOGETHER
    starts = [*range(0, rows, step)]
    if len(starts) > 1 and (rows - starts[-1]) * width < DRAWN_TOGETHER:
        starts.pop()
    for first, end in pairwise([*starts, rows]):
        piece = torch.empty(end - first, *shape[1:], dtype=torch.float32, device="cpu")
        yield first, piece.normal_(0.0, std, generator=generator)


def standard_deviation(name: str, parameter: Tensor, config: ModelConfig) -> float | None:
    """Return the standard deviation of a parameter's initial values; None: they aren't random."""
    if name.startswith("ngram_embedding."):
        return None
    if parameter.ndim < 2 and not name.endswith(encoding_of(config).random_vectors):
        return None
    if config.initialization == "t5":
        return _t5_standard_deviation(name, parameter, config)
    writes_residual = name.endswith(RESIDUAL_OUTPUTS)
    in_decoder = config.architecture == "encoder-decoder" and not name.startswith("encoder.")
    layers = (config.decoder_layers or config.layers) if in_decoder else config.layers
    if config.initialization == "zero-outputs":
        return None if writes_residual else STANDARD_DEVIATION
    if config.initialization == "gpt2":
        residual_outputs = (3 if in_decoder else 2) * layers
        return (
            STANDARD_DEVIATION / math.sqrt(residual_outputs)
            if writes_residual
            else STANDARD_DEVIATION
        )
    if writes_residual:
        return 2 / (layers * math.sqrt(config.hidden_size))
    small = math.sqrt(2 / (5 * config.hidden_size))
    return small / 2 if name.endswith(("embedding.weight", "output.weight")) else small


def _t5_standard_deviation(name: str, parameter: Tensor, config: ModelConfig) -> float:
    if name == "embedding.weight" and config.tie_embeddings:
        return 1.0
    if parameter.ndim < 2 or name.endswith("embedding.weight"):
        # An untied embedding, learned positions, relative position biases.
        return 1.0 if name == "embedding.weight" else 1 / math.sqrt(config.hidden_size)
    inputs = 1 / math.sqrt(parameter.shape[1])
    is_unscaled_query = name.endswith("attention.query.weight") and config.score_scale == 1.0
    return inputs / math.sqrt(config.attention_head_dim) if is_unscaled_query else inputs
