import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from lmkit.model import attention_kernels as kernels
from lmkit.model.attention_kernels import (
    MAX_SOFTMAX_LENGTH,
    MaskWithEmptyRows,
    allow_empty_rows,
    attend,
    document_block_mask,
    kernels_on,
    prepared_mask,
    softmax_attention,
)

SCALE = 0.3


def parts(kv_heads: int = 4, time: int = 9, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 4, time, 8), (2, kv_heads, time, 8), (2, kv_heads, time, 8))
    return [torch.randn(shape, generator=generator).to(dtype).requires_grad_() for shape in shapes]


def literal(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    allowed: Callable[[int, int], bool],
    bias: Callable[[int, int], float],
) -> Tensor:
    """Attention position by position, in float64."""
    q, k, v = (x.detach().double() for x in (q, k, v))
    out = torch.zeros_like(q)
    group = q.shape[1] // k.shape[1]
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            for t in range(q.shape[2]):
                visible = [s for s in range(k.shape[2]) if allowed(t, s)]
                scores = [
                    SCALE * float(q[b, h, t] @ k[b, h // group, s]) + bias(t, s) for s in visible
                ]
                top = max(scores, default=0.0)
                weights = [math.exp(score - top) for score in scores]
                for weight, s in zip(weights, visible, strict=True):
                    out[b, h, t] += weight / sum(weights) * v[b, h // group, s]
    return out


@pytest.mark.parametrize(
    "has_matrix_units, is_compiling", [(False, False), (True, False), (True, True)]
)
@pytest.mark.parametrize("kv_heads", [4, 2])
@pytest.mark.parametrize("kind", ["causal", "all", "mask", "bias"])
def test_every_kernel_matches_the_formula(
    kind: str,
    kv_heads: int,
    has_matrix_units: bool,
    is_compiling: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kernels, "_has_matrix_units", lambda *_: has_matrix_units)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: is_compiling)
    q, k, v = parts(kv_heads)
    distance = torch.arange(9)[:, None] - torch.arange(9)
    within_two = (distance.abs() <= 2)[None, None]
    rules = {
        "causal": (None, True, lambda t, s: s <= t, lambda t, s: 0.0),
        "all": (None, False, lambda t, s: True, lambda t, s: 0.0),
        "mask": (within_two, False, lambda t, s: abs(t - s) <= 2, lambda t, s: 0.0),
        "bias": (
            (-0.5 * distance.abs().float())[None, None],
            False,
            lambda t, s: True,
            lambda t, s: -0.5 * abs(t - s),
        ),
    }
    mask, causal, allowed, bias = rules[kind]
    got = attend(q, k, v, mask, causal=causal, scale=SCALE)
    expected = literal(q, k, v, allowed, bias)
    torch.testing.assert_close(got.double(), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("has_amx", [False, True])
def test_the_reported_kernels_are_those_that_are_called(
    has_amx: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "_cpu_has_amx", lambda: has_amx)
    monkeypatch.setattr(kernels, "MAX_SOFTMAX_LENGTH", 9)
    called: list[int] = []

    def recorded(q: Tensor, k: Tensor, *rest: Any, **more: Any) -> Tensor:
        called.append(k.shape[2])
        return softmax_attention(q, k, *rest, **more)

    monkeypatch.setattr(kernels, "softmax_attention", recorded)
    for time in (8, 9, 10):
        for kv_heads in (4, 2):
            attend(*parts(kv_heads, time, dtype), None, causal=True, scale=SCALE)
    up_to = kernels_on(torch.device("cpu"), dtype).softmax_up_to
    assert called == [time for time in (8, 8, 9, 9, 10, 10) if time <= up_to]
    assert up_to == (9 if has_amx and dtype == torch.bfloat16 else 0)


def test_a_gpu_leaves_attention_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_cpu_has_amx", lambda: True)
    assert kernels_on(torch.device("cuda"), torch.bfloat16).softmax_up_to == 0
    assert kernels_on(torch.device("cpu"), torch.bfloat16).softmax_up_to == MAX_SOFTMAX_LENGTH


@pytest.mark.parametrize("is_compiling", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 1e-12])
@pytest.mark.parametrize("kind", ["all", "causal", "mask", "bias"])
def test_written_out_gradients_are_those_of_torchs_kernel(
    kind: str, dropout: float, is_compiling: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: is_compiling)
    q, k, v = parts()
    documents = torch.tensor([1, 1, 1, 2, 2, 2, 2, 3, 3])
    mask = (documents[:, None] == documents)[None, None]
    bias = torch.linspace(-1, 1, 81).view(1, 1, 9, 9).masked_fill(~mask, -math.inf)
    given = {"mask": mask, "bias": bias}.get(kind)
    options: dict[str, Any] = {"causal": kind == "causal", "scale": SCALE}
    expected_y = torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=given, is_causal=kind == "causal", scale=SCALE
    )
    y = softmax_attention(q, k, v, given, dropout=dropout, **options)
    torch.testing.assert_close(y, expected_y, atol=1e-5, rtol=1e-4)
    got, expected = (torch.autograd.grad(each.sin().sum(), (q, k, v)) for each in (y, expected_y))
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_large_scores_do_not_overflow_in_a_compiled_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    q, k, v = (100 * part.detach() for part in parts())
    y = softmax_attention(q, k, v, None, causal=False, scale=1.0)
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v, scale=1.0)
    torch.testing.assert_close(y, expected, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("has_amx", [False, True])
def test_a_mask_is_a_bias_where_scores_are_materialized(
    has_amx: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "_cpu_has_amx", lambda: has_amx)
    monkeypatch.setattr(kernels, "MAX_SOFTMAX_LENGTH", 9)
    cpu = torch.device("cpu")
    visible = torch.ones(1, 1, 9, 9, dtype=torch.bool).tril().triu(-2)
    has_key = torch.ones(1, 1, 9, 1, dtype=torch.bool)
    bias = torch.zeros(1, 1, 9, 9)
    masks = (None, visible, MaskWithEmptyRows(visible, has_key), bias)
    assert all(prepared_mask(mask, 9, cpu, causal=True) is mask for mask in masks[:2])
    with torch.autocast("cpu", torch.bfloat16):
        causal, windowed, with_empty_rows, added = (
            prepared_mask(mask, 9, cpu, causal=True) for mask in masks
        )
        longer = torch.ones(1, 1, 9, 10, dtype=torch.bool)
        assert prepared_mask(longer, 9, cpu, causal=True) is longer
        assert prepared_mask(None, 9, cpu, causal=False) is None
    assert added is bias
    if not has_amx:
        assert (causal, windowed) == (None, visible)
        return
    assert isinstance(causal, Tensor) and isinstance(windowed, Tensor)
    assert isinstance(with_empty_rows, MaskWithEmptyRows)
    expected = torch.where(visible, 0.0, -math.inf).bfloat16()
    assert torch.equal(windowed, expected)
    assert torch.equal(with_empty_rows.mask_B1TS, expected)
    assert with_empty_rows.has_visible_key_B1T1 is has_key
    assert torch.equal(causal.isinf(), ~torch.ones(9, 9, dtype=torch.bool).tril())


def test_a_position_with_an_empty_mask_gets_zeros_and_gives_no_gradient() -> None:
    q, k, v = parts()
    visible = torch.ones(2, 1, 9, 9, dtype=torch.bool)
    visible[:, :, 3] = False
    y = attend(q, k, v, allow_empty_rows(visible), causal=False, scale=SCALE)
    assert not y[:, :, 3].any()
    gradients = torch.autograd.grad(y.sum(), (q, k, v))
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert not gradients[0][:, :, 3].any()


def test_without_a_gpu_there_are_no_blocks() -> None:
    assert document_block_mask(torch.ones(1, 128), 64, causal=True, window=None) is None


def test_a_mask_without_empty_rows_is_unchanged() -> None:
    visible = torch.eye(3, dtype=torch.bool)[None, None]
    mask, has_visible_key_B1T1 = allow_empty_rows(visible)
    assert isinstance(allow_empty_rows(visible), MaskWithEmptyRows)
    assert torch.equal(mask, visible)
    assert has_visible_key_B1T1.all()
