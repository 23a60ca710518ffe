"""Muon: updates of matrices are orthogonalized (Jordan et al. 2024).

Its updates are scaled to the size of AdamW's (Liu et al. 2025, arXiv 2502.16982, section 2.2), so
one learning rate and one decay serve both. It has no flag for gradients that aren't finite.
"""

from typing import Any

from torch.optim import Muon


def muon(groups: list[dict[str, Any]], *, lr: float, momentum: float) -> Muon:
    """Return Muon for matrices in groups that have a weight decay."""
    return Muon(groups, lr=lr, momentum=momentum, adjust_lr_fn="match_rms_adamw")
