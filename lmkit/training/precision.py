"""The device to train on, and the precision.

Choices:
- `auto` precision on a CPU is measured: a CPU without matrix units supports bf16 but is slower in
  it. The measurement takes less than a second: where products are slow, few rows tell enough.
- bf16 keeps the weights in fp32 and computes products in bf16 (autocast).
"""

import math
import time
from functools import cache
from typing import Literal

import torch
import torch.nn.functional as F

from lmkit.errors import ConfigError

Precision = Literal["fp32", "bf16", "fp16"]
DeviceName = Literal["auto", "cpu", "cuda", "mps"]
MIN_SPEEDUP = 1.3
"""How much faster bf16 products must be: a full step gains less than its products."""
ROWS, WEIGHT = 2048, (384, 1536)
"""Rows of the product that is timed; inputs and outputs."""
PRODUCT_FLOPS = 2 * 2 * ROWS * math.prod(WEIGHT)
"""Of the product, and of the gradient of its weights."""
FEW_ROWS = 256
ENOUGH_SECONDS = 1.0
"""A product that takes longer isn't timed with all rows: with AVX2 alone bf16 takes 2 s."""


def find_device(name: DeviceName) -> torch.device:
    """Return the device with a name; auto is the fastest available one."""
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, is_present in present.items() if is_present))
    if not present[name]:
        raise ConfigError(
            f"--device: got {name}, but torch finds none on this machine", "try --device auto"
        )
    return torch.device(name)


def refuse_fp16(precision: str, device: torch.device) -> None:
    """Raise ConfigError for fp16 on a device without it."""
    if precision == "fp16" and device.type != "cuda":
        raise ConfigError(
            f"--precision: got fp16, but fp16 training needs a GPU, and this is a {device.type}",
            "give --precision bf16, or auto",
        )


def choose_precision(device: torch.device) -> Precision:
    """Return the fastest precision that doesn't harm the result."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type == "cpu":
        is_faster = product_seconds(torch.float32) > MIN_SPEEDUP * product_seconds(torch.bfloat16)
        return "bf16" if is_faster else "fp32"
    return "fp32"


def products_dtype(precision: str) -> torch.dtype:
    """Return what an optimizer multiplies matrices in; Accelerate's word for fp32 is no."""
    return torch.float32 if precision in {"fp32", "no"} else torch.bfloat16


@cache
def product_seconds(dtype: torch.dtype) -> float:
    """Return the time of a product and its gradients, of the size in a small model.

    It is measured once a process.
    """
    by_few = _best_time(dtype, FEW_ROWS, tries=2) * ROWS / FEW_ROWS
    return by_few if by_few > ENOUGH_SECONDS else _best_time(dtype, ROWS, tries=5)


def _best_time(dtype: torch.dtype, rows: int, tries: int) -> float:
    width, wide = WEIGHT
    x_ND, weight_ED = torch.ones(rows, width, dtype=dtype), torch.ones(wide, width, dtype=dtype)
    weight_ED.requires_grad_()
    best = float("inf")
    for _ in range(tries):
        start = time.perf_counter()
        F.linear(x_ND, weight_ED).sum().backward()
        best = min(best, time.perf_counter() - start)
    return best
