import math

import pytest
import torch

from lmkit.model.attention import Attention, AttentionInputs
from lmkit.model.kv_cache import LayerCache
from lmkit.model.masks import continuation_mask, document_mask
from lmkit.model.options import ModelConfig
from lmkit.model.positions.rotary import rotary_angles

WIDTH, HEADS, TIME = 24, 4, 9


def attention(kv_heads: int | None = None) -> Attention:
    torch.manual_seed(0)
    attention_layer = Attention(ModelConfig(hidden_size=WIDTH, heads=HEADS, kv_heads=kv_heads))
    for parameter in attention_layer.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return attention_layer


def literal(attention_layer: Attention, x_TD: torch.Tensor, documents: list[int]) -> torch.Tensor:
    """Attention by the paper, position by position; not rotated, since all positions are 0."""
    width = WIDTH // HEADS
    q, k, v = (
        part(x_TD).unflatten(-1, (-1, width))
        for part in (attention_layer.query, attention_layer.key, attention_layer.value)
    )
    group = HEADS // k.shape[1]
    out = torch.zeros(TIME, HEADS, width)
    for t in range(TIME):
        visible = [s for s in range(t + 1) if documents[s] == documents[t]]
        for head in range(HEADS):
            scores = [q[t, head] @ k[s, head // group] / math.sqrt(width) for s in visible]
            weights = torch.stack(scores).softmax(0)
            for weight, s in zip(weights, visible, strict=True):
                out[t, head] += weight * v[s, head // group]
    return attention_layer.output(out.flatten(1))


@pytest.mark.parametrize("kv_heads", [None, 2, 1])
@pytest.mark.parametrize("documents", [[1] * TIME, [1, 1, 1, 1, 2, 2, 3, 0, 0]])
@torch.no_grad()
def test_attention_matches_the_formula_of_the_paper(
    kv_heads: int | None, documents: list[int]
) -> None:
    attention_layer = attention(kv_heads)
    x_BTD = torch.randn(1, TIME, WIDTH)
    angles = rotary_angles(torch.zeros(1, TIME, dtype=torch.long), WIDTH // HEADS, 10_000.0)
    mask = None if set(documents) == {1} else document_mask(torch.tensor([documents]))
    expected = literal(attention_layer, x_BTD[0], documents)
    torch.testing.assert_close(
        attention_layer(x_BTD, AttentionInputs(mask, angles))[0], expected, atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("kv_heads", [None, 2])
@torch.no_grad()
def test_a_cache_gives_the_same_output_as_one_forward_pass(kv_heads: int | None) -> None:
    attention_layer = attention(kv_heads)
    x_BTD = torch.randn(2, TIME, WIDTH)
    positions_BT = torch.arange(TIME).expand(2, TIME)
    angles = rotary_angles(positions_BT, WIDTH // HEADS, 10_000.0)
    at_once = attention_layer(x_BTD, AttentionInputs(rotation=angles))
    cache, parts = LayerCache(), []
    for start, end in ((0, 4), (4, 5), (5, 9)):
        rope = rotary_angles(positions_BT[:, start:end], WIDTH // HEADS, 10_000.0)
        mask = continuation_mask(start, end - start, x_BTD.device) if start else None
        parts.append(attention_layer(x_BTD[:, start:end], AttentionInputs(mask, rope), cache))
    torch.testing.assert_close(torch.cat(parts, 1), at_once, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_all_heads_of_a_projection_can_be_normalized_together() -> None:
    torch.manual_seed(0)
    options = {"qk_norm": True, "qk_norm_over": "projection", "kv_heads": 2}
    layer = Attention(ModelConfig.model_validate({"hidden_size": 24, "heads": 4} | options))
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    assert layer.query_norm is not None and layer.key_norm is not None
    assert (len(layer.query_norm.weight), len(layer.key_norm.weight)) == (24, 12)
    x_BTD = torch.randn(1, TIME, WIDTH)
    q, k = layer.query(x_BTD), layer.key(x_BTD)
    q = q / (q.square().mean(-1, keepdim=True) + 1e-5).sqrt() * layer.query_norm.weight
    k = k / (k.square().mean(-1, keepdim=True) + 1e-5).sqrt() * layer.key_norm.weight
    q, k, v = (part.unflatten(-1, (-1, 6)).transpose(1, 2) for part in (q, k, layer.value(x_BTD)))
    y = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    expected = layer.output(y.transpose(1, 2).flatten(2))
    torch.testing.assert_close(layer(x_BTD, AttentionInputs()), expected, atol=1e-5, rtol=1e-5)
