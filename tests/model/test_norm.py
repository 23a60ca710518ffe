import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lmkit.model.norm import LayerNorm, RMSNorm, make_norm
from lmkit.model.options import ModelConfig


def gradients(y: Tensor, x: Tensor, norm: RMSNorm) -> tuple[Tensor, ...]:
    weights = torch.linspace(-1, 2, y.numel(), dtype=y.dtype).view_as(y).sin()
    return torch.autograd.grad((y * weights).sum(), (x, norm.weight))


def norm_and_input(dtype: torch.dtype = torch.float32) -> tuple[RMSNorm, Tensor]:
    generator = torch.Generator().manual_seed(0)
    norm = RMSNorm(24, eps=1e-5).to(dtype)
    with torch.no_grad():
        norm.weight.copy_(torch.randn(24, generator=generator))
    x = torch.randn(3, 5, 24, generator=generator) * 3 + 1
    return norm, x.to(dtype).requires_grad_()


def test_values_and_gradients_are_those_of_the_formula() -> None:
    norm, x = norm_and_input()
    literal_norm, literal_x = norm_and_input(torch.float64)
    mean_square = (literal_x**2).mean(-1, keepdim=True)
    expected = literal_x / (mean_square + 1e-5).sqrt() * literal_norm.weight
    torch.testing.assert_close(norm(x).double(), expected, atol=1e-5, rtol=1e-5)
    for got, expected_gradient in zip(
        gradients(norm(x), x, norm), gradients(expected, literal_x, literal_norm), strict=True
    ):
        torch.testing.assert_close(got.double(), expected_gradient, atol=1e-4, rtol=1e-5)


def test_a_position_of_zeros_remains_zero_and_its_gradient_finite() -> None:
    norm, _ = norm_and_input()
    x = torch.zeros(1, 2, 24, requires_grad=True)
    assert norm(x).abs().max() == 0
    assert all(gradient.isfinite().all() for gradient in gradients(norm(x), x, norm))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions_are_torchs(dtype: torch.dtype) -> None:
    norm, x = norm_and_input(dtype)
    assert torch.equal(norm(x), F.rms_norm(x, (24,), norm.weight, 1e-5))


def test_under_autocast_only_the_result_is_rounded() -> None:
    norm, x = norm_and_input()
    with torch.autocast("cpu", torch.bfloat16):
        low = norm(x)
    assert low.dtype == torch.bfloat16
    assert torch.equal(low, norm(x).bfloat16())


def test_layer_normalization_is_that_of_the_formula() -> None:
    norm = LayerNorm(24, 1e-5, bias=True)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 1.5)
        assert norm.bias is not None
        norm.bias.normal_()
    x = torch.randn(3, 24) * 2 + 5
    centred = x - x.mean(-1, keepdim=True)
    expected = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(norm(x), expected * norm.weight + norm.bias)


@pytest.mark.parametrize("kind", ["layernorm", "rmsnorm"])
def test_a_norm_whose_output_is_the_residual_stream_keeps_full_precision(kind: str) -> None:
    config = ModelConfig.model_validate({"norm": kind})
    x = torch.randn(2, 384)
    with torch.autocast("cpu", torch.bfloat16):
        assert make_norm(config)(x).dtype == torch.bfloat16
        assert make_norm(config, rounds=False)(x).dtype == torch.float32


def test_layer_normalization_without_biases_has_none() -> None:
    config = ModelConfig(norm="layernorm")
    assert [name for name, _ in make_norm(config).named_parameters()] == ["weight"]
