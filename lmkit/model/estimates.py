"""What a model costs, from its options alone: numbers, memory, arithmetic.

Choices:
- Nothing here imports torch: a plan is made before any weight is.
- Parameters are counted by part from the shapes, and a test holds the sum against the model.
- FLOPs a token are those of Chowdhery et al. (2022, arXiv 2204.02311, appendix B): 6 for each
  parameter of a matrix that the token goes through, and 12 L H K T for attention, every place
  counted as if it saw the whole row (a local block: its window). The embedding counts where it is
  the output matrix. What is computed twice to save memory doesn't count.

Shapes: L blocks, H heads, K head width, T places of a row.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lmkit.model.configuration import ModelConfig

BUCKETS = 32
"""Of T5's relative positions."""


def parameters_by_part(config: "ModelConfig", vocabulary_size: int) -> dict[str, int]:
    """Count the trained numbers by part; a part that is absent is left out."""
    width = config.hidden_size
    norm = _norm(config)
    layers = {"blocks": config.layers}
    if config.architecture == "encoder-decoder":
        assert config.decoder_layers is not None
        layers = {"encoder": config.layers, "blocks": config.decoder_layers}
    parts = {
        "embedding": vocabulary_size * width,
        "position": (config.max_positions or 0) * width,
    }
    if config.has_head:
        parts["embedding norm"] = norm
    if config.architecture == "encoder":
        parts["query vector"] = width
    for name, count in layers.items():
        crosses = len(layers) == 2 and name == "blocks"
        label = {"encoder": "encoder ", "blocks": "decoder " if crosses else ""}[name]
        attentions = 2 if crosses else 1
        parts[label + "attention"] = count * attentions * _attention(config)
        parts[label + "feed-forward"] = count * _feed_forward(config)
        norms = count * (attentions + 1) - (not config.first_is_normalized)
        parts[label + "norms"] = norm * (norms + (config.norm_place == "pre"))
        if config.position == "relative":
            parts[label + "relative bias"] = BUCKETS * config.heads
    if config.has_head:
        parts["head"] = width * width + config.biases * width + norm
    parts["output"] = (not config.tied) * vocabulary_size * width
    parts["output bias"] = config.has_output_bias * vocabulary_size
    return {name: count for name, count in parts.items() if count}


def _norm(config: "ModelConfig", width: int | None = None) -> int:
    vectors = 2 if config.norm == "layernorm" and config.biases else 1
    return vectors * (width or config.hidden_size)


def _attention(config: "ModelConfig") -> int:
    width, head = config.hidden_size, config.width_of_head
    inner, shared = config.heads * head, config.shape.kv_heads * head
    count = 2 * width * inner + 2 * width * shared
    count += config.attention_biases * (inner + 2 * shared + width)
    count += config.qk_norm * 2 * head
    if config.position == "transformer-xl":
        count += width * inner + 2 * inner
    return count


def _feed_forward(config: "ModelConfig") -> int:
    width, inner = config.hidden_size, config.shape.ffn_size
    wide = 2 if config.gated else 1
    return (wide + 1) * width * inner + config.biases * (wide * inner + width)


class Flops(NamedTuple):
    """FLOPs of a training step for one token of the row, forward and backward."""

    parameters: float
    attention: float

    @property
    def total(self) -> float:
        """Both together."""
        return self.parameters + self.attention
