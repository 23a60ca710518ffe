"""What a model costs, from its options alone: numbers, arithmetic, memory.

Choices:
- Nothing here imports torch: a plan is made before any weight is.
- Parameters are counted by part from the shapes, and a test holds the sum against the model.
- FLOPs are those of Chowdhery et al. (2022, arXiv 2204.02311, appendix B): 6 for each number of a
  matrix that a token is multiplied with, and 12 H K for each place that it sees, in each block,
  every place seeing its whole row (a local block: its window). The output matrix counts, a table
  that is only looked up doesn't; nor does what is computed twice to save memory.
- Memory is what torch keeps for the backward pass, by the operators that `transformer` calls; a
  test counts the bytes that autograd saves. Attention keeps other things on other machines: which
  kernels it takes is an argument, and `kernels.kernels_on` tells.

Shapes: L blocks, D width, H heads, K head width, V vocabulary, T places of a row.
"""

from typing import NamedTuple

from lmkit.model.options import ModelConfig

BUCKETS = 32
"""Of T5's relative positions."""


class Rows(NamedTuple):
    """How much a model reads and says in one step."""

    number: int
    places: int
    """In each row: of a decoder, or of an encoder."""
    source: int = 0
    """Places of the text that an encoder-decoder reads."""
    queries: int = 0
    """Places that an encoder's query stream asks for."""


def parameters(config: ModelConfig, vocabulary_size: int) -> int:
    """Count the trained numbers; a tied embedding counts once.

    >>> parameters(ModelConfig(layers=1, hidden_size=4, heads=2, ffn_size=8), 10)
    212
    """
    return sum(parameters_by_part(config, vocabulary_size).values())


class Kernels(NamedTuple):
    """How a device computes attention, as far as memory depends on it."""

    softmax_up_to: int = 0
    """Most places seen for which softmax(q k) v is computed as it is written; 0: never. Elsewhere
    torch's scaled_dot_product_attention is called."""
    fuses_dropout: bool = False
    """Whether torch's kernel has dropout without a table of weights in fp32."""


def parameters_by_part(config: "ModelConfig", vocabulary_size: int) -> dict[str, int]:
    """Count the trained numbers by part; a part that is absent is left out."""
    width, norm = config.hidden_size, _norm(config)
    parts = {
        "embedding": vocabulary_size * width,
        "positions": (config.max_positions or 0) * width,
        "embedding norm": config.has_head * norm,
        "query vector": (config.architecture == "encoder") * width,
    }
    for side, layers, crosses in _stacks(config):
        attentions = 2 if crosses else 1
        norms = layers * (attentions + 1) + (config.norm_position == "pre")
        parts[f"{side} attention"] = layers * attentions * _attention(config)
        parts[f"{side} feed-forward"] = layers * _feed_forward(config)
        parts[f"{side} norms"] = norm * (norms - (not config.first_is_normalized))
        parts[f"{side} positions"] = (config.position == "relative") * BUCKETS * config.heads
    parts["head"] = config.has_head * (_head(config) + norm)
    parts["output"] = (not config.tie_embeddings) * vocabulary_size * width
    parts["output bias"] = config.has_output_bias * vocabulary_size
    return {name: count for name, count in parts.items() if count}


def flops(config: "ModelConfig", vocabulary_size: int, rows: Rows) -> dict[str, float]:
    """Count the FLOPs of a training step, forward and backward, by what they are for."""
    inner = config.heads * config.attention_head_dim
    scores = 24 if config.position == "transformer-xl" else 12  # it also scores 2 T distances
    parameters = attention = 0.0
    for side, layers, crosses in _stacks(config):
        reads = rows.source if side == "encoder" and rows.source else rows.places
        looks = reads + (0 if crosses else rows.queries)
        block = _attention(config) + _feed_forward(config)
        parameters += layers * looks * block
        seen = sum(_seen(config, block, reads) for block in range(layers))
        attention += scores * inner * looks * seen
        if crosses:
            keys = 2 * config.hidden_size * config.shape.kv_heads * config.attention_head_dim
            parameters += layers * (reads * (_attention(config) - keys) + rows.source * keys)
            attention += 12 * inner * layers * reads * rows.source
    said = rows.queries or rows.places
    parameters += said * (_head(config) + vocabulary_size * config.hidden_size)
    return {"parameters": 6.0 * rows.number * parameters, "attention": rows.number * attention}


def memory(
    config: "ModelConfig",
    vocabulary_size: int,
    rows: Rows,
    kernels: Kernels,
    *,
    bf16: bool = False,
) -> dict[str, int]:
    """Return the bytes that training takes at its peak, by what they are for.

    `rows` is what is computed at a time, and `kernels` how attention is. Weights, gradients and
    AdamW's two moments are in fp32.
    """
    count = parameters(config, vocabulary_size)
    parts = {
        "weights": 4 * count,
        "gradients": 4 * count,
        "optimizer": 8 * count,
        "activations": activations(config, rows, kernels, bf16=bf16),
    }
    said = rows.number * (rows.queries or rows.places)
    logits = min(said, max(512, 2**22 // vocabulary_size)) * vocabulary_size
    parts["loss"] = 8 * logits + 4 * vocabulary_size * config.hidden_size
    if bf16:
        stacks = _stacks(config)
        blocks = sum(
            layers * ((1 + crosses) * _attention(config) + _feed_forward(config))
            for _, layers, crosses in stacks
        )
        parts["bf16 copies"] = 2 * blocks
    return parts


def activations(config: "ModelConfig", rows: Rows, kernels: Kernels, *, bf16: bool = False) -> int:
    """Return the bytes that are kept of the forward pass until the backward pass."""
    width, inner = config.hidden_size, config.heads * config.attention_head_dim
    low = 2 if bf16 else 4
    # What each part adds to is kept by the norm, and the norm's result by what reads it: together,
    # or each in a copy of its own where the stream itself is read.
    copies = bf16 and config.norm_position == "post"
    part = 4 * width + low * width + bool(config.dropout) * low * width
    fed = part + copies * config.gated * low * width
    fed += (4 if config.gated else 2) * low * config.shape.ffn_size
    stream = part + copies * 2 * low * width + fed
    stream += config.qk_norm * 4 * (inner + config.shape.kv_heads * config.attention_head_dim)
    has_bias = config.position in {"relative", "alibi", "transformer-xl"}
    total = 0
    for side, layers, crosses in _stacks(config):
        reads = rows.source if side == "encoder" and rows.source else rows.places
        looks = reads + (0 if crosses else rows.queries)
        total += layers * looks * stream
        total += layers * _attended(config, reads, reads, kernels, low, has_bias=has_bias)
        if looks > reads:  # a query stream makes keys and values of its own
            queries = looks - reads
            total += layers * _attended(config, queries, reads, kernels, low, has_bias=has_bias)
        if config.position == "alibi" and reads > kernels.softmax_up_to:  # one for all blocks
            total += 4 * config.heads * reads * reads
        if config.position == "transformer-xl":  # two queries, and codes for each row
            streams = 2 if looks > reads else 1
            total += layers * low * inner * (looks + streams * 2 * reads)
            total += layers * 8 * (looks - reads) * reads  # which distance is whose, in int64
        if crosses:
            total += layers * reads * part
            total += layers * _attended(config, reads, rows.source, kernels, low, has_bias=False)
    ends = 2 * part
    return rows.number * (total + (rows.queries or rows.places) * ends)


def _attended(
    config: "ModelConfig", looks: int, seen: int, kernels: Kernels, low: int, *, has_bias: bool
) -> int:
    """Return the bytes that attention keeps for a row: q, k, v, the result, and T x S tables.

    Args:
        config: the model.
        looks: places that look.
        seen: places that each of them looks at.
        kernels: how it is computed.
        low: bytes of a number in a product.
        has_bias: whether numbers are added to the scores.

    """
    # With dropout three tables are kept: the weights, what they are multiplied with, the result.
    tables = config.heads * (3 if config.dropout else 1)
    is_trained = has_bias and config.position != "alibi"
    if seen <= kernels.softmax_up_to:
        number, pair = low, low * tables + (not has_bias)  # a mask is kept, a bias isn't
    elif is_trained or (config.dropout and not kernels.fuses_dropout):
        number, pair = 4, 4 * tables  # torch computes in fp32 what its fast kernel can't
    else:  # weights are computed again; what is kept is the mask
        number, pair = low, low * (config.heads if config.dropout else 1)
    inner = config.heads * config.attention_head_dim
    return inner * (looks * (number + low) + seen * 2 * number) + looks * seen * pair


def _stacks(config: "ModelConfig") -> list[tuple[str, int, bool]]:
    """Return the name, the blocks, and whether they look at a source, of each stack."""
    if config.architecture != "encoder-decoder":
        return [(config.architecture, config.layers, False)]
    return [
        ("encoder", config.layers, False),
        ("decoder", config.decoder_layers or config.layers, True),
    ]


def _norm(config: "ModelConfig") -> int:
    vectors = 2 if config.norm == "layernorm" and config.biases else 1
    return vectors * config.hidden_size


def _attention(config: "ModelConfig") -> int:
    width, head = config.hidden_size, config.attention_head_dim
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


def _head(config: "ModelConfig") -> int:
    width = config.hidden_size
    return config.has_head * (width * width + config.biases * width)


def _seen(config: "ModelConfig", block: int, places: int) -> int:
    return min(places, config.window or places) if config.is_local(block) else places
