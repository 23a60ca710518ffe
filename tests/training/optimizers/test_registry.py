import inspect
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from lmkit.training.optimizer import optimizer_of, update
from lmkit.training.optimizers.registry import ALGORITHMS, REST
from lmkit.training.options import OptimConfig


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_optimizer_gets_the_options_that_it_takes(name: str) -> None:
    entry = ALGORITHMS[name]
    _, *taken = inspect.signature(entry.load()).parameters
    assert tuple(taken) == (*entry.options, *(["products"] * entry.multiplies_matrices))
    assert {*entry.options} <= OptimConfig.model_fields.keys()


def test_the_option_takes_the_names_of_the_registry() -> None:
    *others, last = map(repr, ALGORITHMS)
    with pytest.raises(ValidationError, match=f"Input should be {', '.join(others)} or {last}"):
        OptimConfig.model_validate({"algorithm": "nothing"})


def test_what_updates_the_rest_takes_every_parameter() -> None:
    assert not ALGORITHMS[REST].only_block_matrices


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_optimizer_lowers_the_loss_and_skips_a_gradient_that_is_not_finite(name: str) -> None:
    shape: dict[str, Any] = {"layers": 1, "hidden_size": 16, "heads": 2}
    model = Transformer(ModelConfig.model_validate(shape), 20)
    options = OptimConfig.model_validate({"algorithm": name, "lr": 0.01})
    optimizer = optimizer_of(model.named_parameters(), options)
    text_BT, positions_BT = torch.arange(12)[None], torch.arange(12)[None]
    losses: list[float] = []
    for _ in range(30):
        loss = model(text_BT[:, :-1], positions_BT[:, :-1], targets_BT=text_BT[:, 1:])
        loss.backward()
        losses.append(loss.item())
        update(optimizer, 1.0)
    assert losses[-1] < losses[0] / 2
    before = [p.detach().clone() for p in model.parameters()]
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, torch.nan)
    update(optimizer, 1.0)
    assert all(p.equal(old) for p, old in zip(model.parameters(), before, strict=True))
