import math

import pytest
import torch
import torch.nn.functional as F

from lmkit.model.feed_forward import FeedForward, GatedFeedForward, activation
from lmkit.model.options import ModelConfig


def test_one_projection_gates_the_other() -> None:
    part = GatedFeedForward(ModelConfig(layers=1, hidden_size=2, heads=1, ffn_size=1))
    with torch.no_grad():
        part.gate.weight.copy_(torch.tensor([[1.0, 0.0]]))
        part.up.weight.copy_(torch.tensor([[0.0, 1.0]]))
        part.down.weight.copy_(torch.tensor([[2.0], [-1.0]]))
    out = part(torch.tensor([[[3.0, 5.0]]]))
    gated = 3 / (1 + math.exp(-3)) * 5  # silu(x) = x * sigmoid(x), Shazeer 2020
    torch.testing.assert_close(out, torch.tensor([[[2 * gated, -gated]]]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("relu", [0.0, 2.0]),
        ("relu2", [0.0, 4.0]),  # So et al. 2021
        # x Φ(x), and the approximation of section 2 of Hendrycks and Gimpel (2016)
        ("gelu", [-0.5 * (1 + math.erf(-0.5 * 2**0.5)), 1 + math.erf(2**0.5)]),
        ("gelu-tanh", [-0.15880801, 1.95459769]),
    ],
)
def test_a_plain_network_applies_its_activation_to_the_up_projection(
    name: str, expected: list[float]
) -> None:
    config = ModelConfig.model_validate(
        {"layers": 1, "hidden_size": 2, "heads": 1, "ffn_size": 2, "activation": name}
    )
    part = FeedForward(config)
    with torch.no_grad():
        part.up.weight.copy_(torch.eye(2))
        part.down.weight.copy_(torch.eye(2))
    out = part(torch.tensor([[[-1.0, 2.0]]]))
    torch.testing.assert_close(out, torch.tensor([[expected]]), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(
    ("gated", "plain"), [("geglu", "gelu"), ("geglu-tanh", "gelu-tanh"), ("swiglu", None)]
)
def test_a_gate_has_the_activation_of_its_name(gated: str, plain: str | None) -> None:
    x = torch.linspace(-3, 3, 7)
    act = activation(ModelConfig.model_validate({"activation": gated}))
    other = activation(ModelConfig.model_validate({"activation": plain})) if plain else F.silu
    assert torch.equal(act(x), other(x))
