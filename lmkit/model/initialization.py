"""Weight initialization, by name.

    gpt2    N(0, 0.02); matrices that write to the residual stream 1/sqrt(n) of that, n being the
            number of such matrices (Radford et al. 2019, section 2.3).
    small   N(0, sqrt(2 / (5 D))) (Nguyen and Salazar 2019, arXiv 1910.05895, section 2.2); matrices
            that write to the residual stream 2 / (L sqrt(D)), as in GPT-NeoX-20B (Black et al.
            2022, arXiv 2204.06745, section 2.1); embeddings half of the first, or the logits of a
            new model would vary by 0.4 and its loss would be 0.2 above ln V.
    t5      as Mesh TensorFlow and Transformers' T5: embeddings N(0, 1), matrices N(0, 1 / inputs),
            queries 1/sqrt(K) of that where scores aren't scaled.

Choices:
- On the CPU, in a fixed order, and from a dedicated generator: a seed gives the same model on every
  device and for any number of processes.
- Norm weights are 1, biases 0. XLNet's attention biases are random, as in its code, and so is its
  query vector; elsewhere only the permutation objective uses that, and where it isn't used it
  remains 0.
- The loss of a new model is ln V within 2% for gpt2 and small. T5's logits are products of a
  normalized hidden state and an embedding of variance 1, times 1/sqrt(D), so they vary by 1 and the
  loss is ln V + 1/2. In a wide decoder it is more: a hidden state still resembles the embedding
  of its input token, by cosine c, and gives that token the logit c sqrt(D).

Shapes: D hidden size, K head dimension, L blocks, V vocabulary.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from lmkit.model.options import ModelConfig
from lmkit.model.positions.encoding import encoding_of

STANDARD_DEVIATION = 0.02
RESIDUAL_OUTPUTS = ("attention.output.weight", "feed_forward.down.weight")


@torch.no_grad()
def initialize_weights(
    parameters: Iterable[tuple[str, nn.Parameter]], config: ModelConfig, seed: int
) -> None:
    """Initialize every weight; a seed gives the same values on every device."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in parameters:
        if parameter.is_meta:  # to be loaded from a checkpoint
            continue
        std = standard_deviation(name, parameter, config)
        if std is None:
            parameter.fill_(1.0 if name.endswith("norm.weight") else 0.0)
            continue
        is_random = torch.empty(parameter.shape, dtype=torch.float32, device="cpu")
        parameter.copy_(is_random.normal_(0.0, std, generator=generator))


def standard_deviation(name: str, parameter: Tensor, config: ModelConfig) -> float | None:
    """Return the standard deviation of a parameter's initial values; None: they aren't random."""
    if parameter.ndim < 2 and not name.endswith(encoding_of(config).random_vectors):
        return None
    if config.initialization == "t5":
        return _t5_standard_deviation(name, parameter, config)
    writes_residual = name.endswith(RESIDUAL_OUTPUTS)
    in_decoder = config.architecture == "encoder-decoder" and not name.startswith("encoder.")
    layers = (config.decoder_layers or config.layers) if in_decoder else config.layers
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
