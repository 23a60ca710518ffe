import math
from typing import Any

import pytest
import torch
from torch import nn

from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from lmkit.training.optimizer import optimizer_of, update
from lmkit.training.optimizers import muon
from lmkit.training.optimizers.muon import Muon, orthogonalized
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


def test_products_are_in_the_precision_that_is_given() -> None:
    matrix = torch.randn(1, 24, 16, generator=torch.Generator().manual_seed(3))
    u, s, v = torch.linalg.svd(matrix.double(), full_matrices=False)
    s = s / s.norm()
    a, b, c = muon.COEFFICIENTS
    for _ in range(muon.ITERATIONS):  # the iteration is a polynomial of each singular value
        s = a * s + b * s**3 + c * s**5
    expected = u @ torch.diag_embed(s) @ v
    errors: dict[torch.dtype, float] = {}
    for products in (torch.float32, torch.bfloat16):
        weight = nn.Parameter(torch.zeros(24, 16))
        weight.grad = matrix[0].clone()
        groups: list[dict[str, Any]] = [{"params": [weight]}]
        Muon(groups, lr=1.0, momentum=0.0, products=products).step()
        update_RC = weight.detach().double() / (-muon.SIZE * math.sqrt(24))
        errors[products] = float((update_RC - expected[0]).abs().max())
    assert errors[torch.float32] < 1e-5
    assert 1e-4 < errors[torch.bfloat16] < 0.05


SHAPES = [(16, 16), (48, 16), (16, 40), (16, 16), (48, 16)]
OPTIONS: dict[str, Any] = {"lr": 0.05, "momentum": 0.9}


def matrices(seed: int) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def trained(optimizer: torch.optim.Optimizer, weights: list[nn.Parameter]) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    for _ in range(4):
        for weight in weights:
            weight.grad = torch.randn(weight.shape, generator=generator)
        optimizer.step()
    return [weight.detach().clone() for weight in weights]


def test_it_computes_what_torch_computes_one_after_the_other() -> None:
    ours, theirs = matrices(1), matrices(1)
    groups: list[dict[str, Any]] = [{"params": ours, "weight_decay": 0.1}]
    found = trained(Muon(groups, **OPTIONS), ours)
    reference = torch.optim.Muon(
        theirs, **OPTIONS, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
    )
    for one, other, start in zip(found, trained(reference, theirs), matrices(1), strict=True):
        moved = other - start
        assert (one - other).norm() < 0.02 * moved.norm()  # both round to bf16 as they go


def test_the_number_of_matrices_together_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    together = matrices(1)
    first = trained(Muon([{"params": together, "weight_decay": 0.1}], **OPTIONS), together)
    monkeypatch.setattr(muon, "NUMBERS_TOGETHER", 1)
    alone = matrices(1)
    second = trained(Muon([{"params": alone, "weight_decay": 0.1}], **OPTIONS), alone)
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-3)


def test_it_keeps_singular_vectors_and_makes_singular_values_about_one() -> None:
    x_NRC = torch.randn(3, 24, 10, generator=torch.Generator().manual_seed(3))
    u, _, v = torch.linalg.svd(x_NRC, full_matrices=False)
    found = orthogonalized(x_NRC.bfloat16()).float()
    values = torch.linalg.svdvals(found)
    # Jordan et al.: between about 0.7 and 1.2 for those that aren't tiny.
    assert values.min() > 0.6 and values.max() < 1.3
    assert (u @ v * found).sum((1, 2)).min() > 0.95 * found.flatten(1).norm(dim=1).min() * 10**0.5


def test_a_zero_gradient_moves_nothing() -> None:
    assert not orthogonalized(torch.zeros(1, 4, 4, dtype=torch.bfloat16)).any()
