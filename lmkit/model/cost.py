"""The cost of a model, from its options alone: parameters, FLOPs, memory.

Choices:
- A plan is made before any weight is allocated. What a position encoding costs is in its file.
- Parameters are counted by component from the shapes, and a test compares the sum with the model.
- FLOPs are those of Chowdhery et al. (2022, arXiv 2204.02311, appendix B): 6 per token
  for each parameter of a matrix multiplication, and 12 H K per token, block and attended position,
  every token attending to its full sequence (in a sliding-window block: its window). The output
  matrix counts, an embedding that is only looked up doesn't; nor does what is recomputed to
  save memory.
- Memory is what autograd keeps for the backward pass, by the operators that `transformer` calls; a
  test counts the bytes that it saves. Attention keeps different tensors on different machines:
  its kernels are an argument, and `attention_kernels.kernels_on` returns them.

Shapes: L blocks, D hidden size, H heads, K head dimension, V vocabulary, T sequence length.
"""

from typing import NamedTuple

from lmkit.model.attention_kernels import Kernels
from lmkit.model.loss import default_sizes
from lmkit.model.options import ModelConfig
from lmkit.model.positions.encoding import StackShape, encoding_of

HEAP_GAPS = 0.5
"""Gaps between tensors in the heap of glibc, as a fraction of the activations: temporary tensors of
many sizes are freed between those that are kept. Measured: 0.2 to 0.9 in twelve shapes, in fp32."""


class BatchShape(NamedTuple):
    """How many positions a model processes in one step."""

    sequences: int
    length: int
    """Of each sequence: of a decoder, or of an encoder."""
    source_length: int = 0
    """Length of the source sequence, of an encoder-decoder."""
    queries: int = 0
    """Positions that an encoder's query stream predicts."""


def parameters(config: ModelConfig, vocabulary_size: int) -> int:
    """Count the trained parameters; a tied embedding counts once.

    >>> parameters(ModelConfig(layers=1, hidden_size=4, heads=2, ffn_size=8), 10)
    212
    """
    return sum(parameters_by_part(config, vocabulary_size).values())


def parameters_by_part(config: "ModelConfig", vocabulary_size: int) -> dict[str, int]:
    """Count the trained parameters by component; an absent component is left out."""
    width, norm, encoding = config.hidden_size, _norm(config), encoding_of(config)
    parts = {
        "embedding": vocabulary_size * width,
        "n-grams": ((config.ngram_length or 1) - 1) * config.ngram_rows * width,
        "positions": encoding.embedding_parameters(),
        "embedding norm": config.has_head * norm,
        "query vector": (config.architecture == "encoder") * width,
    }
    for stack, layers, crosses in _stacks(config):
        attentions = 2 if crosses else 1
        norms = layers * (attentions + 1) + (config.norm_position != "post")
        parts[f"{stack} attention"] = layers * attentions * _attention(config)
        parts[f"{stack} feed-forward"] = layers * _feed_forward(config)
        parts[f"{stack} norms"] = norm * (norms - (not config.first_is_normalized))
        parts[f"{stack} positions"] = encoding.relative_bias_size
    parts["head"] = config.has_head * (_head(config) + norm)
    parts["output"] = (not config.tie_embeddings) * vocabulary_size * width
    parts["output bias"] = config.has_output_bias * vocabulary_size
    return {name: count for name, count in parts.items() if count}


def flops(config: "ModelConfig", vocabulary_size: int, batch: BatchShape) -> dict[str, float]:
    """Count the FLOPs of a training step, forward and backward, by purpose."""
    inner = config.heads * config.attention_head_dim
    scores = encoding_of(config).score_flops
    parameters = attention = 0.0
    for stack, layers, crosses in _stacks(config):
        length = batch.source_length if stack == "encoder" and batch.source_length else batch.length
        query_positions = length + (0 if crosses else batch.queries)
        block = _attention(config) + _feed_forward(config)
        parameters += layers * query_positions * block
        key_positions = sum(_attended_positions(config, block, length) for block in range(layers))
        attention += scores * inner * query_positions * key_positions
        if crosses:
            keys = 2 * config.hidden_size * config.shape.kv_heads * config.attention_head_dim
            parameters += layers * (
                length * (_attention(config) - keys) + batch.source_length * keys
            )
            attention += 12 * inner * layers * length * batch.source_length
    predicted = batch.queries or batch.length
    parameters += predicted * (_head(config) + vocabulary_size * config.hidden_size)
    return {
        "parameters": 6.0 * batch.sequences * parameters,
        "attention": batch.sequences * attention,
    }


def memory(
    config: "ModelConfig",
    vocabulary_size: int,
    batch: BatchShape,
    kernels: Kernels,
    *,
    bf16: bool = False,
    in_heap: bool = False,
    moments_in_blocks: int = 2,
) -> dict[str, int]:
    """Return the peak memory of training in bytes, by purpose.

    `batch` is what is computed at a time, and `kernels` how attention is. Weights, gradients and
    AdamW's two moments are in fp32; another optimizer may have fewer for the matrices in blocks.
    `in_heap` is whether tensors lie in the heap of the process, as on a CPU.
    """
    count, in_blocks = parameters(config, vocabulary_size), _in_blocks(config)
    parts = {
        "weights": 4 * count,
        "gradients": 4 * count,
        "optimizer": 4 * (2 * count - (2 - moments_in_blocks) * in_blocks),
        "activations": activations(config, batch, kernels, bf16=bf16),
    }
    predicted = batch.sequences * (batch.queries or batch.length)
    chunk, tile = default_sizes("cpu" if in_heap else "cuda", vocabulary_size)
    low, output_matrix = 2 if bf16 else 4, vocabulary_size * config.hidden_size
    parts["loss"] = (
        (low * min(predicted, chunk) + 8 * min(predicted, tile)) * vocabulary_size
        + (4 + 2 * low) * output_matrix  # its gradient, that of a chunk, and a copy of it
    )
    if in_heap:
        parts["gaps in the heap"] = int(HEAP_GAPS * parts["activations"])
    if bf16:
        parts["bf16 copies"] = 2 * in_blocks
    return parts


def _in_blocks(config: "ModelConfig") -> int:
    """Count the parameters of all attentions and feed-forward networks."""
    return sum(
        layers * ((1 + crosses) * _attention(config) + _feed_forward(config))
        for _, layers, crosses in _stacks(config)
    )


def activations(
    config: "ModelConfig", batch: BatchShape, kernels: Kernels, *, bf16: bool = False
) -> int:
    """Return the bytes of the forward pass that are kept until the backward pass."""
    width, inner = config.hidden_size, config.heads * config.attention_head_dim
    low = 2 if bf16 else 4
    # A sublayer's input is kept by its norm, and the norm's output by the layers that take it: once
    # for all of them, or a cast copy for each where they take the residual stream itself.
    copies = bf16 and config.norm_position != "pre"
    sublayer = 4 * width + low * width + bool(config.dropout) * low * width
    feed_forward = sublayer + copies * config.gated * low * width
    feed_forward += (4 if config.gated else 2) * low * config.shape.ffn_size
    per_position = sublayer + copies * 2 * low * width + feed_forward
    per_position += config.qk_norm * 4 * (inner + config.shape.kv_heads * config.attention_head_dim)
    if config.parallel_residual:  # both norms have the same input
        per_position -= 4 * width
    encoding = encoding_of(config)
    total = 0
    for stack, layers, crosses in _stacks(config):
        length = batch.source_length if stack == "encoder" and batch.source_length else batch.length
        query_positions = length + (0 if crosses else batch.queries)
        total += layers * query_positions * per_position
        total += layers * _attention_activations(
            config, length, length, kernels, low, has_bias=encoding.adds_to_scores
        )
        queries = query_positions - length
        if queries:  # a query stream has separate keys and values
            total += layers * _attention_activations(
                config, queries, length, kernels, low, has_bias=encoding.adds_to_scores
            )
        total += encoding.activations(StackShape(layers, length, queries, kernels, low))
        if crosses:
            total += layers * length * sublayer
            total += layers * _attention_activations(
                config, length, batch.source_length, kernels, low, has_bias=False
            )
    embedding_and_head = 2 * sublayer + 8 * ((config.ngram_length or 1) - 1)
    return batch.sequences * (total + (batch.queries or batch.length) * embedding_and_head)


def _attention_activations(
    config: "ModelConfig",
    query_positions: int,
    key_positions: int,
    kernels: Kernels,
    low: int,
    *,
    has_bias: bool,
) -> int:
    """Return the bytes that attention keeps per sequence: q, k, v, the output, and T x S matrices.

    Args:
        config: the model.
        query_positions: number of queries.
        key_positions: number of keys.
        kernels: how attention is computed.
        low: bytes per number in a matrix product.
        has_bias: whether a bias is added to the scores.

    """
    # With dropout three matrices are kept: the weights, the dropout mask, the result.
    tables = config.heads * (3 if config.dropout else 1)
    is_trained = has_bias and encoding_of(config).trains_bias
    if key_positions <= kernels.softmax_up_to:
        number, pair = low, low * tables + (not has_bias)  # a mask is kept, a bias isn't
    elif is_trained or (config.dropout and not kernels.fuses_dropout):
        number, pair = 4, 4 * tables  # torch computes in fp32 what its fast kernel can't
    else:  # weights are recomputed; only the mask is kept
        number, pair = low, low * (config.heads if config.dropout else 1)
    inner = config.heads * config.attention_head_dim
    return (
        inner * (query_positions * (number + low) + key_positions * 2 * number)
        + query_positions * key_positions * pair
    )


def _stacks(config: "ModelConfig") -> list[tuple[str, int, bool]]:
    """Return the name and the blocks of each stack, and whether it has cross-attention."""
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
    count += config.qkv_biases * (inner + 2 * shared) + config.attention_output_biases * width
    count += config.qk_norm * (2 * head if config.qk_norm_over == "head" else inner + shared)
    return count + encoding_of(config).attention_parameters()


def _feed_forward(config: "ModelConfig") -> int:
    width, inner = config.hidden_size, config.shape.ffn_size
    wide = 2 if config.gated else 1
    return (wide + 1) * width * inner + config.biases * (wide * inner + width)


def _head(config: "ModelConfig") -> int:
    width = config.hidden_size
    return config.has_head * (width * width + config.biases * width)


def _attended_positions(config: "ModelConfig", block: int, length: int) -> int:
    return min(length, config.window or length) if config.is_local(block) else length
