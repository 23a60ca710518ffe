import math

import torch

from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from lmkit.training.optimizer import optimizer_of, update
from lmkit.training.options import OptimConfig


def test_an_update_of_muon_is_that_of_the_published_algorithm() -> None:
    """Jordan et al. 2024: Nesterov momentum, five steps of Newton and Schulz; Liu et al. 2025."""
    config = ModelConfig.model_validate({"layers": 1, "hidden_size": 16, "heads": 2})
    model = Transformer(config, 20)
    options = OptimConfig.model_validate({"algorithm": "muon", "lr": 0.1, "weight_decay": 0.2})
    optimizer = optimizer_of(model.named_parameters(), options)
    weight = model.blocks[0].attention.query.weight
    before, generator = weight.detach().clone(), torch.Generator().manual_seed(1)
    gradient = torch.randn(weight.shape, generator=generator)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    weight.grad = gradient.clone()
    update(optimizer, None)
    momentum = 0.05 * gradient
    x = (0.05 * gradient + 0.95 * momentum).bfloat16()
    x = x / x.norm()
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    expected = before * (1 - 0.1 * 0.2) - 0.1 * 0.2 * math.sqrt(16) * x.float()
    # It is computed in bf16, whose steps are 2^-8 of a number.
    torch.testing.assert_close(weight.detach(), expected, rtol=0.02, atol=0.005)
