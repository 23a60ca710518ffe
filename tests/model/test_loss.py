import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lmkit.model import loss as module
from lmkit.model.loss import IGNORED, summed_nll

POSITIONS, WIDTH, VOCABULARY = 23, 8, 50


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x_ND = torch.randn(POSITIONS, WIDTH, generator=generator).requires_grad_()
    weight_VD = torch.randn(VOCABULARY, WIDTH, generator=generator).requires_grad_()
    targets_N = torch.randint(0, VOCABULARY, (POSITIONS,), generator=generator)
    targets_N[::4] = IGNORED
    return x_ND, weight_VD, targets_N


@pytest.mark.parametrize("chunk_size", [None, 1, 5, 23, 100])
def test_loss_and_gradients_are_those_of_all_logits_at_once(chunk_size: int | None) -> None:
    x_ND, weight_VD, targets_N = inputs()
    loss = summed_nll(x_ND, weight_VD, targets_N, chunk_size)
    expected = F.cross_entropy(x_ND @ weight_VD.t(), targets_N, reduction="sum")
    torch.testing.assert_close(loss, expected)
    expected_gradients = torch.autograd.grad(expected / 7, (x_ND, weight_VD))
    actual = torch.autograd.grad(loss / 7, (x_ND, weight_VD))
    for one, other in zip(actual, expected_gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_without_gradients_the_loss_is_the_same() -> None:
    x_ND, weight_VD, targets_N = inputs()
    with torch.no_grad():
        loss = summed_nll(x_ND, weight_VD, targets_N, chunk_size=6)
    assert loss == summed_nll(x_ND, weight_VD, targets_N, chunk_size=6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("tile_size", [1, 4, 10])
def test_the_softmax_in_tiles_is_that_of_all_positions(
    tile_size: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    x_ND, weight_VD, targets_N = inputs()
    bias_V = torch.linspace(-1, 1, VOCABULARY).requires_grad_()
    found: list[tuple[Tensor, ...]] = []
    for size in (POSITIONS, tile_size):
        monkeypatch.setattr(module, "default_sizes", lambda *_, size=size: (10, size))
        low_ND = x_ND.to(dtype)
        loss = summed_nll(low_ND, weight_VD, targets_N, bias_V=bias_V, z_loss=0.3)
        gradients = torch.autograd.grad(loss, (x_ND, weight_VD, bias_V))
        with torch.no_grad():
            again = summed_nll(low_ND, weight_VD, targets_N, bias_V=bias_V, z_loss=0.3)
        assert torch.equal(loss.detach(), again)
        found.append((loss.detach(), *gradients))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_a_target_whose_probability_underflows_has_a_finite_loss() -> None:
    weight_VD = torch.tensor([[300.0], [0.0]]).requires_grad_()
    loss = summed_nll(torch.ones(1, 1), weight_VD, torch.tensor([1]))
    assert loss == 300  # -log(exp(0) / (exp(300) + exp(0)))
    assert torch.autograd.grad(loss, weight_VD)[0].flatten().tolist() == [1, -1]


def test_the_small_loss_of_a_likely_target_is_not_rounded_away() -> None:
    weight_VD = torch.tensor([[1000.0], [990.0]])
    with torch.no_grad():
        loss = summed_nll(torch.ones(1, 1), weight_VD, torch.tensor([0]))
    # One rounding step at 1,000 is 6.1e-5, more than the loss.
    assert loss.item() == pytest.approx(math.log1p(math.exp(-10)), abs=1e-7)


def test_without_targets_loss_and_gradients_are_zero() -> None:
    x_ND, weight_VD, targets_N = inputs()
    loss = summed_nll(x_ND, weight_VD, torch.full_like(targets_N, IGNORED))
    assert loss == 0
    assert not any(g.any() for g in torch.autograd.grad(loss, (x_ND, weight_VD)))


def test_the_loss_of_low_precision_features_is_a_full_precision_sum() -> None:
    x_ND, weight_VD, targets_N = inputs()
    low_ND, low_VD = x_ND.detach().bfloat16(), weight_VD.detach().bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = summed_nll(low_ND.requires_grad_(), weight_VD, targets_N)
    logits_NV = (low_ND @ low_VD.t()).float()
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, F.cross_entropy(logits_NV, targets_N, reduction="sum"))


@pytest.mark.parametrize("chunk_size", [None, 5])
@pytest.mark.parametrize("z_loss", [0.0, 0.3])
def test_a_bias_and_a_z_loss_have_the_gradients_of_all_logits_at_once(
    chunk_size: int | None, z_loss: float
) -> None:
    x_ND, weight_VD, targets_N = inputs()
    bias_V = torch.linspace(-1, 1, VOCABULARY).requires_grad_()
    loss = summed_nll(x_ND, weight_VD, targets_N, chunk_size, bias_V=bias_V, z_loss=z_loss)
    logits_NV = x_ND @ weight_VD.t() + bias_V
    has_target = targets_N != IGNORED  # padding adds nothing to the z-loss
    expected = F.cross_entropy(logits_NV, targets_N, reduction="sum")
    expected = expected + z_loss * logits_NV.logsumexp(-1)[has_target].square().sum()
    torch.testing.assert_close(loss, expected)
    with torch.no_grad():
        without_gradients = summed_nll(
            x_ND, weight_VD, targets_N, chunk_size, bias_V=bias_V, z_loss=z_loss
        )
    torch.testing.assert_close(without_gradients, expected.detach())
    parts = (x_ND, weight_VD, bias_V)
    expected_gradients, actual = (
        torch.autograd.grad(loss_at_once / 7, parts) for loss_at_once in (expected, loss)
    )
    for one, other in zip(actual, expected_gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_without_positions_the_loss_is_zero() -> None:
    x_ND, weight_VD, targets_N = inputs()
    bias_V = torch.zeros(VOCABULARY, requires_grad=True)
    loss = summed_nll(x_ND[:0], weight_VD, targets_N[:0], bias_V=bias_V)
    assert loss == 0
    assert not any(g.any() for g in torch.autograd.grad(loss, (x_ND, weight_VD, bias_V)))
