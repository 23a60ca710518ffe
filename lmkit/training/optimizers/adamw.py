"""AdamW: Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv 1711.05101).

In torch's fused kernel, which also reads `found_inf`.
"""

from typing import Any

from torch.optim import AdamW


def adamw(
    groups: list[dict[str, Any]], *, lr: float, beta1: float, beta2: float, eps: float
) -> AdamW:
    """Return AdamW for parameters in groups that have a weight decay."""
    return AdamW(groups, lr=lr, betas=(beta1, beta2), eps=eps, fused=True)
