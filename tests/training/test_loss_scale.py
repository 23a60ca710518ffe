"""Loss scaling for fp16, in isolation: on a CPU nothing trains in fp16."""

import math

import torch

from lmkit.training.loss_scale import GROWTH_INTERVAL, INITIAL_SCALE, LossScale

CPU = torch.device("cpu")
GOOD, BROKEN = torch.tensor(1.0), torch.tensor(math.inf)


def test_the_scale_changes_as_torchs_grad_scaler() -> None:
    ours = LossScale(CPU)
    hf_checkpoint = torch.amp.GradScaler(
        "cpu", init_scale=INITIAL_SCALE, growth_interval=GROWTH_INTERVAL
    )
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight])
    generator = torch.Generator().manual_seed(0)
    for step in range(3 * GROWTH_INTERVAL):
        broken = bool(torch.rand((), generator=generator) < 0.0005) or step == 5
        weight.grad = torch.full((1,), math.inf if broken else 1.0)
        hf_checkpoint.scale(torch.zeros(()))
        hf_checkpoint.unscale_(optimizer)
        hf_checkpoint.step(optimizer)
        hf_checkpoint.update()
        ours.update(BROKEN if broken else GOOD)
        assert ours.state()["scale"] == hf_checkpoint.get_scale()


def test_unscaled_gradients_are_exact() -> None:
    scale = LossScale(CPU)
    gradient = torch.randn(1000)
    scaled = scale.scaled(gradient)
    assert not scaled.equal(gradient)
    scale.unscale([scaled, None])
    assert scaled.equal(gradient)


def test_it_resumes_from_its_state() -> None:
    one = LossScale(CPU)
    for _ in range(GROWTH_INTERVAL - 1):
        one.update(GOOD)
    other = LossScale(CPU, **one.state())
    for scale in (one, other):
        scale.update(GOOD)
        assert scale.state() == {"scale": 2 * INITIAL_SCALE, "good": 0}


def test_it_never_falls_below_one() -> None:
    scale = LossScale(CPU, 2.0)
    for _ in range(9):
        scale.update(BROKEN)
    assert scale.state()["scale"] == 1.0
