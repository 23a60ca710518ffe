"""Inputs of attention besides the hidden states, computed once per batch and shared by all blocks.

A column is an index in the sequence; a position is an index in the document.

Shapes: B batch, T time, S key positions, Q queries of the query stream, H heads.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from lmkit.model.attention import AttentionInputs
from lmkit.model.attention_kernels import (
    Mask,
    MaskWithEmptyRows,
    allow_empty_rows,
    document_block_mask,
    prepared_mask,
)
from lmkit.model.kv_cache import KeyValueCache
from lmkit.model.masks import (
    bias_with_mask,
    continuation_mask,
    document_mask,
    same_document_mask,
    window_mask,
)
from lmkit.model.options import ModelConfig
from lmkit.model.positions.encoding import AttentionStack, PositionEncoding


class StackInputs(NamedTuple):
    """The inputs of global layers, of sliding-window layers, and of cross-attention."""

    global_layers: AttentionInputs
    sliding_window_layers: AttentionInputs
    cross_attention: AttentionInputs = AttentionInputs()


class EncodedStack(AttentionStack, Protocol):
    """What the inputs depend on besides the config: properties of an encoder or a decoder."""

    encoding: PositionEncoding


def self_attention_inputs(
    config: ModelConfig,
    stack: EncodedStack,
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
    if (
        visible_B1TS is None
        and documents_BT is not None
        and _uses_flex_attention(stack, config, device)
    ):
        masks = [
            document_block_mask(
                documents_BT, config.attention_head_dim, causal=stack.causal, window=window
            )
            for window in (None, config.window)
        ]
        if masks[0] is not None and masks[1] is not None:
            return _stack_inputs(stack, positions_BT, positions_BT, masks[0], masks[1])
    if visible_B1TS is None and documents_BT is not None:
        both_ways_B1TS = same_document_mask(documents_BT, documents_BT)
        visible_B1TS = document_mask(documents_BT) if stack.causal else both_ways_B1TS
    elif visible_B1TS is None and past:
        visible_B1TS = continuation_mask(past, time, device)
    distances_TS = distances(past, time, device)
    bias_BHTS = _score_bias(stack, distances_TS)
    if visible_B1TS is None and stack.causal and (bias_BHTS is not None or config.window):
        visible_B1TS = (distances_TS >= 0)[None, None]
    windowed_B1TS = _within_window(config, stack, distances_TS, visible_B1TS)
    global_mask = bias_with_mask(bias_BHTS, visible_B1TS)
    windowed_mask = bias_with_mask(bias_BHTS, windowed_B1TS)
    return _stack_inputs(stack, positions_BT, positions_BT, global_mask, windowed_mask)


def query_stream_inputs(
    config: ModelConfig,
    stack: EncodedStack,
    positions_BQ: Tensor,
    columns_BQ: Tensor,
    positions_BT: Tensor,
    visible_B1QT: Tensor,
) -> StackInputs:
    """Let the queries in some columns attend to a full sequence; their masks may be empty."""
    columns_T = torch.arange(positions_BT.shape[1], device=columns_BQ.device)
    distances_BQT = columns_BQ.unsqueeze(-1) - columns_T
    bias_BHQT = _score_bias(stack, distances_BQT)
    masks: list[Mask] = []
    for visible in (visible_B1QT, _within_window(config, stack, distances_BQT, visible_B1QT)):
        assert visible is not None
        mask, has_visible_key_B1Q1 = allow_empty_rows(visible)
        mask = bias_with_mask(bias_BHQT, mask)
        assert mask is not None
        masks.append(MaskWithEmptyRows(mask, has_visible_key_B1Q1))
    return _stack_inputs(stack, positions_BQ, positions_BT, masks[0], masks[1], columns_BQ)


def distances(past: int, time: int, device: torch.device) -> Tensor:
    """Return the distance of `time` new positions from each of the `past` others and themselves.

    >>> distances(1, 2, torch.device("cpu")).tolist()
    [[1, 0, -1], [2, 1, 0]]
    """
    positions_S = torch.arange(past + time, device=device)
    return positions_S[past:, None] - positions_S


def _uses_flex_attention(stack: EncodedStack, config: ModelConfig, device: torch.device) -> bool:
    return device.type == "cuda" and not stack.encoding.adds_to_scores and not config.dropout


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


def _score_bias(stack: EncodedStack, distances_TS: Tensor) -> Tensor | None:
    """Return what is added to the scores for each distance and head."""
    bias = stack.encoding.score_bias(distances_TS, stack)
    return bias if bias is None or bias.ndim == 4 else bias.unsqueeze(0)


def _stack_inputs(
    stack: EncodedStack,
    positions_BT: Tensor,
    positions_BS: Tensor,
    global_mask: Mask,
    windowed_mask: Mask,
    columns_BT: Tensor | None = None,
) -> StackInputs:
    encoding, time, device = stack.encoding, positions_BS.shape[1], positions_BS.device
    encodings_RD = encoding.distance_encodings(time, device)
    if encodings_RD is None:  # an encoding that has its own attention takes masks as they are
        global_mask, windowed_mask = (
            prepared_mask(mask, time, device, causal=stack.causal)
            for mask in (global_mask, windowed_mask)
        )
    inputs: list[AttentionInputs] = []
    for mask, windowed in ((global_mask, False), (windowed_mask, True)):
        rotation, kv_rotation = encoding.rotation(positions_BT, windowed=windowed), None
        if columns_BT is not None:
            kv_rotation = encoding.rotation(positions_BS, windowed=windowed)
        inputs.append(AttentionInputs(mask, rotation, kv_rotation, encodings_RD, columns_BT))
    return StackInputs(global_layers=inputs[0], sliding_window_layers=inputs[1])
