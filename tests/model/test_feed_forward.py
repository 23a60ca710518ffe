import math

import torch

from lmkit.model.configuration import ModelConfig
from lmkit.model.feed_forward import GatedFeedForward


def test_one_copy_gates_the_other() -> None:
    part = GatedFeedForward(ModelConfig(layers=1, hidden_size=2, heads=1, ffn_size=1))
    with torch.no_grad():
        part.gate.weight.copy_(torch.tensor([[1.0, 0.0]]))
        part.up.weight.copy_(torch.tensor([[0.0, 1.0]]))
        part.down.weight.copy_(torch.tensor([[2.0], [-1.0]]))
    out = part(torch.tensor([[[3.0, 5.0]]]))
    gated = 3 / (1 + math.exp(-3)) * 5  # silu(x) = x * sigmoid(x), Shazeer 2020
    torch.testing.assert_close(out, torch.tensor([[[2 * gated, -gated]]]))
