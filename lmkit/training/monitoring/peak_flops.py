"""The peak of a device's matrix units, and the fraction of it that a run reaches.

Model FLOPs utilization is that of Chowdhery et al. (2022, arXiv 2204.02311, appendix B): the FLOPs
that the model needs, over what its devices could do at their peak; what is recomputed to save
memory doesn't count.

Choice: where the peak isn't known, there is no utilization, rather than one of a guess. That holds
for all CPUs: their peak depends on clocks that change with load.
"""

import re
from dataclasses import dataclass

PEAKS: tuple[tuple[str, float], ...] = (
    ("H100 NVL", 835),
    ("H100 PCIe", 756),
    ("H100", 989),
    ("H200", 989),
    ("H20", 148),
    ("GB200", 2_500),
    ("B200", 2_250),
    ("A100", 312),
    ("A40", 149.7),
    ("A30", 165),
    ("L40S", 362),
    ("L4", 121),
    ("RTX 3090", 71),
    ("RTX 4090", 165.2),
    ("RTX 5090", 209.5),
    ("MI300X", 1_307),
    ("MI250X", 383),
)
"""TFLOP/s of dense matrix products in bf16, by a word of the device's name; the first that is found
counts. They are those of the vendors' data sheets."""


def peak_flops(device_name: str, precision: str) -> float | None:
    """Return the peak of a device in FLOP/s; None where it isn't known.

    Args:
        device_name: as torch returns it.
        precision: of matrix products. fp16 has the peak of bf16; that of fp32 depends on a setting,
            so it isn't known.

    >>> peak_flops("NVIDIA H100 PCIe", "bf16"), peak_flops("NVIDIA L40S", "fp16")
    (756000000000000.0, 362000000000000.0)
    >>> peak_flops("NVIDIA GH200 480GB", "bf16"), peak_flops("NVIDIA H100 PCIe", "fp32")
    (None, None)

    """
    if precision not in ("bf16", "fp16"):
        return None
    for word, peak in PEAKS:
        if re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", device_name):
            return peak * 1e12
    return None


@dataclass(frozen=True)
class ModelFlops:
    """What the model computes for a token, and what its devices can do."""

    per_token: float
    """FLOPs of training, forward and backward."""
    peak: float | None = None
    """FLOP/s of all devices of the run together; None where it isn't known."""

    def rate(self, tokens_per_second: float) -> float:
        """Return the FLOP/s of all devices together."""
        return self.per_token * tokens_per_second

    def utilization(self, tokens_per_second: float) -> float | None:
        """Return the fraction of the peak; None where that isn't known."""
        return None if self.peak is None else self.rate(tokens_per_second) / self.peak
