"""Loss scaling, which keeps small gradients from underflowing in fp16.

Choices:
- fp16 has no numbers below 6e-8. The loss is multiplied by a power of two, and the gradients are
  divided by it before they are used (Micikevicius et al. 2018, arXiv 1710.03740, section 3.2).
  Where they overflow, the step is skipped and the factor halved; after 2,000 good steps in a row it
  is doubled, as in torch's GradScaler.
- All of it remains on the device. The state is two numbers, which are saved in checkpoints.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

INITIAL_SCALE = 2.0**16
GROWTH_INTERVAL = 2_000
"""Good steps before the factor is doubled."""


class LossScale:
    """The scale, and the number of consecutive good steps."""

    def __init__(self, device: torch.device, scale: float = INITIAL_SCALE, good: int = 0) -> None:
        self._scale = torch.full((), scale, device=device)
        self._good = torch.full((), float(good), device=device)

    def scaled(self, loss: Tensor) -> Tensor:
        """Return the scaled loss, for the backward pass."""
        return loss * self._scale

    def unscale(self, gradients: Iterable[Tensor | None]) -> None:
        """Divide gradients by the scale, in place; a power of two is exact."""
        factor = 1 / self._scale
        for gradient in gradients:
            if gradient is not None:
                gradient.mul_(factor)

    def update(self, norm: Tensor) -> None:
        """Set the scale for the next step from the gradient norm."""
        good = norm.isfinite()
        self._good = torch.where(good, self._good + 1, 0.0)
        grows = self._good >= GROWTH_INTERVAL
        factor = torch.where(good, torch.where(grows, 2.0, 1.0), 0.5)
        self._scale = (self._scale * factor).clamp(min=1.0)
        self._good = torch.where(grows, 0.0, self._good)

    def state(self) -> dict[str, float]:
        """Return the arguments that `LossScale` is restored from."""
        return {"scale": self._scale.item(), "good": int(self._good.item())}
