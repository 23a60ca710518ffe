"""The seed of dropout, set at each step on the devices that draw from it.

Choice: `torch.manual_seed` seeds every kind of device that torch knows, and for CUDA that isn't in
use it keeps a stack trace to seed it later: more than a hundredth of a small model's step.
"""

import torch


def seed_device(device: torch.device, seed: int) -> None:
    """Seed the generators of the CPU and of a device, as `torch.manual_seed` does."""
    if device.type not in ("cpu", "cuda"):
        torch.manual_seed(seed)
        return
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
