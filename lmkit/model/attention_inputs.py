"""How the places of a stack look at one another, made once for a batch and shared by all blocks.

Shapes: B batch, T time, S places seen, H heads, D width, R distances.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from lmkit.model.attention_kernels import Mask, Partial, document_blocks, lit
from lmkit.model.cost import BUCKETS
from lmkit.model.kv_cache import KeyValueCache
from lmkit.model.masks import biased, continuation_mask, document_mask, same_document, window_mask
from lmkit.model.options import ModelConfig
from lmkit.model.positions import Rotation, buckets, distance_codes, distances, rotation, slopes


class View(NamedTuple):
    """How the places that look are turned, which they see, and how those are turned."""

    mask: Mask = None
    turn: Rotation | None = None
    seen_turn: Rotation | None = None
    codes_RD: Tensor | None = None
    """Transformer-XL's, for each distance."""
    columns_BT: Tensor | None = None
    """Where the places that look stand, if they aren't those that are seen."""


class Views(NamedTuple):
    """Of blocks that see far, of those that see what is near, and of the source."""

    far: View
    near: View
    source: Mask = None


class AttentionInputsBuilder(Protocol):
    """What a stack has of its own."""

    causal: bool
    relative_bias: nn.Parameter | None


def relative_table(config: ModelConfig) -> nn.Parameter | None:
    """Return T5's numbers for each bucket and head, in a line.

    A vector, so that weight decay leaves it alone, as it does all biases.
    """
    if config.position != "relative":
        return None
    return nn.Parameter(torch.empty(BUCKETS * config.heads))


def self_attention_inputs(
    config: ModelConfig,
    stack: AttentionInputsBuilder,
    positions_BT: Tensor,
    documents_BT: Tensor | None = None,
    cache: KeyValueCache | None = None,
    seen_B1TS: Tensor | None = None,
) -> Views:
    """Let each place look at its row, or at its document, or at what the cache holds before it.

    `seen_B1TS` says instead which places are seen.
    """
    assert cache is None or documents_BT is None, "a cache holds one document per row"
    time, device = positions_BT.shape[1], positions_BT.device
    past = cache.length if cache else 0
    if cache and cache.window and past:
        assert time == 1, "places read together would need windows of their own"
        past = min(past, cache.window - 1)
    if seen_B1TS is None and documents_BT is not None and _takes_blocks(config, device):
        masks = [
            document_blocks(
                documents_BT, config.attention_head_dim, causal=stack.causal, window=window
            )
            for window in (None, config.window)
        ]
        if masks[0] is not None and masks[1] is not None:
            return _views(config, positions_BT, positions_BT, masks[0], masks[1])
    if seen_B1TS is None and documents_BT is not None:
        everywhere = same_document(documents_BT, documents_BT)
        seen_B1TS = document_mask(documents_BT) if stack.causal else everywhere
    elif seen_B1TS is None and past:
        seen_B1TS = continuation_mask(past, time, device)
    distances_TS = distances(past, time, device)
    bias_BHTS = _bias(config, stack, distances_TS)
    if seen_B1TS is None and stack.causal and (bias_BHTS is not None or config.window):
        seen_B1TS = (distances_TS >= 0)[None, None]
    near_B1TS = _near(config, stack, distances_TS, seen_B1TS)
    far, near = biased(bias_BHTS, seen_B1TS), biased(bias_BHTS, near_B1TS)
    return _views(config, positions_BT, positions_BT, far, near)


def query_stream_inputs(
    config: ModelConfig,
    stack: AttentionInputsBuilder,
    positions_BQ: Tensor,
    columns_BQ: Tensor,
    positions_BT: Tensor,
    seen_B1QT: Tensor,
) -> Views:
    """Let places in some columns look at a whole row; they may see nothing."""
    places_T = torch.arange(positions_BT.shape[1], device=columns_BQ.device)
    distances_BQT = columns_BQ.unsqueeze(-1) - places_T
    bias_BHQT = _bias(config, stack, distances_BQT)
    masks: list[Mask] = []
    for seen in (seen_B1QT, _near(config, stack, distances_BQT, seen_B1QT)):
        assert seen is not None
        mask, lit_B1Q1 = lit(seen)
        mask = biased(bias_BHQT, mask)
        assert mask is not None
        masks.append(Partial(mask, lit_B1Q1))
    return _views(config, positions_BQ, positions_BT, masks[0], masks[1], columns_BQ)


def _takes_blocks(config: ModelConfig, device: torch.device) -> bool:
    plain = config.position not in {"relative", "alibi", "transformer-xl"}
    return device.type == "cuda" and plain and not config.dropout


def _near(
    config: ModelConfig,
    stack: AttentionInputsBuilder,
    distances_TS: Tensor,
    seen_B1TS: Tensor | None,
) -> Tensor | None:
    """Return what blocks see that see only what is near; distances may be given for each row."""
    if not config.window:
        return seen_B1TS
    inside = window_mask(distances_TS, config.window, both_ways=not stack.causal).unsqueeze(-3)
    inside_B1TS = inside if inside.ndim == 4 else inside.unsqueeze(0)
    return inside_B1TS if seen_B1TS is None else seen_B1TS & inside_B1TS


def _bias(
    config: ModelConfig, stack: AttentionInputsBuilder, distances_TS: Tensor
) -> Tensor | None:
    """Return what is added to the scores for each distance and head."""
    if config.position == "alibi":
        far = distances_TS.abs().float()
        slope_H11 = torch.tensor(slopes(config.heads), device=far.device)[:, None, None]
        bias = -slope_H11 * far.unsqueeze(-3)
    elif config.position == "relative":
        assert stack.relative_bias is not None
        table_HN = stack.relative_bias.unflatten(0, (BUCKETS, config.heads)).t()
        bias = table_HN[:, buckets(distances_TS, both_ways=not stack.causal)]
        if distances_TS.ndim == 3:
            bias = bias.transpose(0, 1)
    else:
        return None
    return bias if bias.ndim == 4 else bias.unsqueeze(0)


def _views(
    config: ModelConfig,
    positions_BT: Tensor,
    positions_BS: Tensor,
    far: Mask,
    near: Mask,
    columns_BT: Tensor | None = None,
) -> Views:
    codes_RD = None
    if config.position == "transformer-xl":
        codes_RD = distance_codes(positions_BS.shape[1], config.hidden_size, positions_BS.device)
    views: list[View] = []
    for mask, base in (
        (far, config.rotary_base),
        (near, config.local_rotary_base or config.rotary_base),
    ):
        turn = seen_turn = None
        if config.position == "rotary":
            turn = rotation(positions_BT, config.attention_head_dim, base)
            if columns_BT is not None:
                seen_turn = rotation(positions_BS, config.attention_head_dim, base)
        views.append(View(mask, turn, seen_turn, codes_RD, columns_BT))
    return Views(far=views[0], near=views[1])
