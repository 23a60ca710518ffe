import math
from typing import Any

import pytest
import torch
from torch import nn

from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from lmkit.training.optimizer import optimizer_of, update
from lmkit.training.options import OptimConfig
from tests.training.tiny import TinyModel


def test_matrices_decay_and_vectors_do_not_and_a_tied_tensor_counts_once() -> None:
    model = TinyModel()
    decayed, kept = optimizer_of(
        model.named_parameters(), OptimConfig(lr=1e-3, weight_decay=0.3)
    ).param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert [names[id(p)] for p in decayed["params"]] == ["embedding.weight", "hidden.weight"]
    assert [names[id(p)] for p in kept["params"]] == ["hidden.bias", "norm.weight", "norm.bias"]
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.3, 0.0)


def test_options_reach_the_optimizer() -> None:
    config = OptimConfig(lr=0.5, beta1=0.8, beta2=0.7, eps=1e-3)
    group = optimizer_of(TinyModel().named_parameters(), config).param_groups[0]
    assert (group["lr"], group["betas"], group["eps"]) == (0.5, (0.8, 0.7), 1e-3)
    assert group["fused"]


def one_weight(gradient: list[float]) -> tuple[nn.Linear, torch.optim.AdamW]:
    layer = nn.Linear(len(gradient), 1, bias=False)
    layer.weight.grad = torch.tensor([gradient])
    return layer, optimizer_of(layer.named_parameters(), OptimConfig(lr=1e-3))


@pytest.mark.parametrize("max_norm", [1.0, 100.0, None])
def test_the_norm_is_that_before_clipping(max_norm: float | None) -> None:
    _, optimizer = one_weight([3.0, 4.0])
    assert update(optimizer, max_norm).item() == 5.0


def test_a_large_gradient_is_clipped_to_the_given_norm() -> None:
    layer, optimizer = one_weight([3.0, 4.0])
    update(optimizer, 1.0)
    # The first moment after one step is (1 - beta1) times the gradient: 0.1 x (0.6, 0.8).
    moment = optimizer.state[layer.weight]["exp_avg"]
    torch.testing.assert_close(moment, torch.tensor([[0.06, 0.08]]), rtol=1e-5, atol=0)


@pytest.mark.parametrize("not_finite", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("max_norm", [1.0, None])
def test_one_nan_in_the_gradient_changes_nothing(not_finite: float, max_norm: float | None) -> None:
    layer, optimizer = one_weight([1.0, 1.0])
    update(optimizer, max_norm)
    weight = layer.weight.detach().clone()
    state = {key: value.clone() for key, value in optimizer.state[layer.weight].items()}
    layer.weight.grad = torch.tensor([[1.0, not_finite]])
    assert not update(optimizer, max_norm).isfinite()
    assert torch.equal(layer.weight, weight)
    for key, value in state.items():
        assert torch.equal(optimizer.state[layer.weight][key], value)
    assert layer.weight.grad is None

    layer.weight.grad = torch.tensor([[1.0, 1.0]])
    update(optimizer, max_norm)
    assert not torch.equal(layer.weight, weight)
    assert layer.weight.isfinite().all()


def made(algorithm: str) -> tuple[Transformer, Any]:
    config = ModelConfig.model_validate({"layers": 1, "hidden_size": 16, "heads": 2})
    model = Transformer(config, 20)
    options = OptimConfig.model_validate({"algorithm": algorithm, "lr": 0.1, "weight_decay": 0.2})
    return model, optimizer_of(model.named_parameters(), options)


def test_muon_updates_the_matrices_of_blocks_and_adamw_all_else() -> None:
    model, optimizer = made("muon")
    names = {id(p): name for name, p in model.named_parameters()}
    muon, adamw = (
        {names[id(p)] for group in part.param_groups for p in group["params"]}
        for part in optimizer.parts
    )
    assert muon == {name for name, p in model.named_parameters() if p.ndim == 2} - {
        "embedding.weight"
    }
    assert adamw == {name for name, _ in model.named_parameters()} - muon


@pytest.mark.parametrize("not_finite", [math.nan, math.inf])
def test_muon_skips_a_gradient_that_is_not_finite(not_finite: float) -> None:
    model, optimizer = made("muon")
    before = [p.detach().clone() for p in model.parameters()]
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    model.blocks[0].feed_forward.up.weight.grad[0, 0] = not_finite
    assert not update(optimizer, 1.0).isfinite()
    assert all(p.equal(old) for p, old in zip(model.parameters(), before, strict=True))
    assert not optimizer.state and all(p.grad is None for p in model.parameters())
