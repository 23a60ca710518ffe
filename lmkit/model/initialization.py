"""How weights are first drawn, by name.

    gpt2    N(0, 0.02); matrices that write into the stream of residuals 1/sqrt(n) of that, n being
            how many write into it (Radford et al. 2019, section 2.3).
    small   N(0, sqrt(2 / (5 D))) (Nguyen and Salazar 2019, arXiv 1910.05895, section 2.2); writers
            2 / (L sqrt(D)), as in GPT-NeoX-20B (Black et al. 2022, arXiv 2204.06745, section 2.1);
            embeddings half of the first, or the logits of a new model would vary by 0.4 and its
            loss lie 0.2 above ln V.
    t5      as Mesh TensorFlow and Transformers' T5: embeddings N(0, 1), matrices N(0, 1 / inputs),
            queries 1/sqrt(K) of that where scores aren't divided.

Choices:
- On the CPU and in a fixed order, from a generator of their own: a seed gives the same model on
  every device and for any number of processes.
- Gains are 1, biases 0. XLNet's own biases are drawn, as in its code.
- The loss of a new model is ln V within 2% for gpt2 and small. T5's logits are products of a
  normalized place and an embedding of variance 1, times 1/sqrt(D), so they vary by 1 and the loss
  is ln V + 1/2. In a decoder it is more where models are wide: a place still resembles the token
  it came from, by cosine c, and gives it the logit c sqrt(D).

Shapes: D width, K head width, L blocks, V vocabulary.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from lmkit.model.options import ModelConfig

DEVIATION = 0.02
WRITERS = ("attention.output.weight", "feed_forward.down.weight")
DRAWN_VECTORS = ("content_bias", "position_bias", "relative_bias")


@torch.no_grad()
def draw_weights(
    parameters: Iterable[tuple[str, nn.Parameter]], config: ModelConfig, seed: int
) -> None:
    """Draw every weight anew, the same for a seed on whatever device they lie."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in parameters:
        if parameter.is_meta:  # a shape without numbers, to be filled from a checkpoint
            continue
        spread = deviation(name, parameter, config)
        if spread is None:
            parameter.fill_(1.0 if name.endswith("norm.weight") else 0.0)
            continue
        drawn = torch.empty(parameter.shape, dtype=torch.float32, device="cpu")
        parameter.copy_(drawn.normal_(0.0, spread, generator=generator))


def deviation(name: str, parameter: Tensor, config: ModelConfig) -> float | None:
    """Return how far a parameter's numbers are spread around 0; None: they aren't drawn."""
    if name == "query_vector":
        # Elsewhere only the permutation objective uses it, and where it isn't used it stays 0.
        drawn = config.position == "transformer-xl"
    else:
        drawn = parameter.ndim > 1 or name.endswith(DRAWN_VECTORS)
    if not drawn:
        return None
    if config.initialization == "t5":
        return _t5(name, parameter, config)
    is_writer = name.endswith(WRITERS)
    in_decoder = config.architecture == "encoder-decoder" and not name.startswith("encoder.")
    layers = (config.decoder_layers or config.layers) if in_decoder else config.layers
    if config.initialization == "gpt2":
        writers = (3 if in_decoder else 2) * layers
        return DEVIATION / math.sqrt(writers) if is_writer else DEVIATION
    if is_writer:
        return 2 / (layers * math.sqrt(config.hidden_size))
    small = math.sqrt(2 / (5 * config.hidden_size))
    return small / 2 if name.endswith(("embedding.weight", "output.weight")) else small


def _t5(name: str, parameter: Tensor, config: ModelConfig) -> float:
    if name == "embedding.weight" and config.tie_embeddings:
        return 1.0
    if parameter.ndim < 2 or name.endswith("embedding.weight"):
        # An untied embedding, learned positions and tables of distances.
        return 1.0 if name == "embedding.weight" else 1 / math.sqrt(config.hidden_size)
    inputs = 1 / math.sqrt(parameter.shape[1])
    undivided = name.endswith("attention.query.weight") and config.score_scale == 1.0
    return inputs / math.sqrt(config.attention_head_dim) if undivided else inputs
