"""Inputs of attention besides the hidden states, computed once per batch and shared by all blocks.

A column is an index in the sequence; a position is an index in the document.

Shapes: B batch, T time, S key positions, Q queries of the query stream, H heads, D hidden size,
R distances.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from lmkit.model.attention_kernels import (
    Mask,
    MaskWithEmptyRows,
    allow_empty_rows,
    document_block_mask,
)
from lmkit.model.cost import BUCKETS
from lmkit.model.kv_cache import KeyValueCache
from lmkit.model.masks import (
    bias_with_mask,
    continuation_mask,
    document_mask,
    same_document_mask,
    window_mask,
)
from lmkit.model.options import ModelConfig
from lmkit.model.positions import (
    RotaryAngles,
    buckets,
    distance_encodings,
    distances,
    rotary_angles,
    slopes,
)


class AttentionInputs(NamedTuple):
    """The mask and the position encodings of one kind of layer."""

    mask: Mask = None
    rope: RotaryAngles | None = None
    """Of the queries, and of the keys unless `kv_rope` is given."""
    kv_rope: RotaryAngles | None = None
    distance_encodings_RD: Tensor | None = None
    """Transformer-XL's, for each distance."""
    columns_BT: Tensor | None = None
    """The columns of the queries, if they aren't the same positions as the keys."""


class StackInputs(NamedTuple):
    """The inputs of global layers, of sliding-window layers, and of cross-attention."""

    global_layers: AttentionInputs
    sliding_window_layers: AttentionInputs
    cross_attention_mask: Mask = None


class AttentionStack(Protocol):
    """What the inputs depend on besides the config: properties of an encoder or a decoder."""

    causal: bool
    relative_bias: nn.Parameter | None


def relative_table(config: ModelConfig) -> nn.Parameter | None:
    """Return T5's bias for each bucket and head, flattened.

    A vector, so that it gets no weight decay, like all biases.
    """
    if config.position != "relative":
        return None
    return nn.Parameter(torch.empty(BUCKETS * config.heads))


def self_attention_inputs(
    config: ModelConfig,
    stack: AttentionStack,
    positions_BT: Tensor,
    documents_BT: Tensor | None = None,
    cache: KeyValueCache | None = None,
    visible_B1TS: Tensor | None = None,
) -> StackInputs:
    """Let each position attend to its sequence, or to its document, or to the cached positions.

    `visible_B1TS` gives another mask instead.
    """
    assert cache is None or documents_BT is None, "a cache holds one document per sequence"
    time, device = positions_BT.shape[1], positions_BT.device
    past = cache.length if cache else 0
    if cache and cache.window and past:
        assert time == 1, "positions that are read together would need separate windows"
        past = min(past, cache.window - 1)
    if visible_B1TS is None and documents_BT is not None and _uses_flex_attention(config, device):
        masks = [
            document_block_mask(
                documents_BT, config.attention_head_dim, causal=stack.causal, window=window
            )
            for window in (None, config.window)
        ]
        if masks[0] is not None and masks[1] is not None:
            return _stack_inputs(config, positions_BT, positions_BT, masks[0], masks[1])
    if visible_B1TS is None and documents_BT is not None:
        both_ways_B1TS = same_document_mask(documents_BT, documents_BT)
        visible_B1TS = document_mask(documents_BT) if stack.causal else both_ways_B1TS
    elif visible_B1TS is None and past:
        visible_B1TS = continuation_mask(past, time, device)
    distances_TS = distances(past, time, device)
    bias_BHTS = _score_bias(config, stack, distances_TS)
    if visible_B1TS is None and stack.causal and (bias_BHTS is not None or config.window):
        visible_B1TS = (distances_TS >= 0)[None, None]
    windowed_B1TS = _within_window(config, stack, distances_TS, visible_B1TS)
    global_mask = bias_with_mask(bias_BHTS, visible_B1TS)
    windowed_mask = bias_with_mask(bias_BHTS, windowed_B1TS)
    return _stack_inputs(config, positions_BT, positions_BT, global_mask, windowed_mask)


def query_stream_inputs(
    config: ModelConfig,
    stack: AttentionStack,
    positions_BQ: Tensor,
    columns_BQ: Tensor,
    positions_BT: Tensor,
    visible_B1QT: Tensor,
) -> StackInputs:
    """Let the queries in some columns attend to a full sequence; their masks may be empty."""
    columns_T = torch.arange(positions_BT.shape[1], device=columns_BQ.device)
    distances_BQT = columns_BQ.unsqueeze(-1) - columns_T
    bias_BHQT = _score_bias(config, stack, distances_BQT)
    masks: list[Mask] = []
    for visible in (visible_B1QT, _within_window(config, stack, distances_BQT, visible_B1QT)):
        assert visible is not None
        mask, has_visible_key_B1Q1 = allow_empty_rows(visible)
        mask = bias_with_mask(bias_BHQT, mask)
        assert mask is not None
        masks.append(MaskWithEmptyRows(mask, has_visible_key_B1Q1))
    return _stack_inputs(config, positions_BQ, positions_BT, masks[0], masks[1], columns_BQ)


def _uses_flex_attention(config: ModelConfig, device: torch.device) -> bool:
    plain = config.position not in {"relative", "alibi", "transformer-xl"}
    return device.type == "cuda" and plain and not config.dropout


def _within_window(
    config: ModelConfig,
    stack: AttentionStack,
    distances_TS: Tensor,
    visible_B1TS: Tensor | None,
) -> Tensor | None:
    """Return the mask of sliding-window layers; distances may differ between sequences."""
    if not config.window:
        return visible_B1TS
    inside = window_mask(distances_TS, config.window, both_ways=not stack.causal).unsqueeze(-3)
    inside_B1TS = inside if inside.ndim == 4 else inside.unsqueeze(0)
    return inside_B1TS if visible_B1TS is None else visible_B1TS & inside_B1TS


def _score_bias(config: ModelConfig, stack: AttentionStack, distances_TS: Tensor) -> Tensor | None:
    """Return what is added to the scores for each distance and head."""
    if config.position == "alibi":
        distance = distances_TS.abs().float()
        slope_H11 = torch.tensor(slopes(config.heads), device=distance.device)[:, None, None]
        bias = -slope_H11 * distance.unsqueeze(-3)
    elif config.position == "relative":
        assert stack.relative_bias is not None
        table_HN = stack.relative_bias.unflatten(0, (BUCKETS, config.heads)).t()
        bias = table_HN[:, buckets(distances_TS, both_ways=not stack.causal)]
        if distances_TS.ndim == 3:
            bias = bias.transpose(0, 1)
    else:
        return None
    return bias if bias.ndim == 4 else bias.unsqueeze(0)


def _stack_inputs(
    config: ModelConfig,
    positions_BT: Tensor,
    positions_BS: Tensor,
    global_mask: Mask,
    windowed_mask: Mask,
    columns_BT: Tensor | None = None,
) -> StackInputs:
    encodings_RD = None
    if config.position == "transformer-xl":
        encodings_RD = distance_encodings(
            positions_BS.shape[1], config.hidden_size, positions_BS.device
        )
    inputs: list[AttentionInputs] = []
    for mask, base in (
        (global_mask, config.rotary_base),
        (windowed_mask, config.local_rotary_base or config.rotary_base),
    ):
        rope = kv_rope = None
        if config.position == "rotary":
            rope = rotary_angles(positions_BT, config.attention_head_dim, base)
            if columns_BT is not None:
                kv_rope = rotary_angles(positions_BS, config.attention_head_dim, base)
        inputs.append(AttentionInputs(mask, rope, kv_rope, encodings_RD, columns_BT))
    return StackInputs(global_layers=inputs[0], sliding_window_layers=inputs[1])
