"""The processor: its cores, its matrix units, and how fast it multiplies.

Choices:
- The cores are those that this process may use: containers and batch systems give fewer than there
  are.
- Whether bf16 pays is measured, by the same product that `pretrain --precision auto` measures: some
  processors have the instructions, but no units for them.
"""

import os
import platform
from pathlib import Path

import torch

from lmkit.config import usable_cores
from lmkit.diagnosis.finding import Asked, Finding
from lmkit.training.precision import PRODUCT_FLOPS, choose_precision, product_seconds

CPU_INFO = Path("/proc/cpuinfo")
QUOTA = Path("/sys/fs/cgroup/cpu.max")
UNITS = {
    "amx_bf16": "AMX (bf16)",
    "avx512_bf16": "AVX-512 (bf16)",
    "avx512f": "AVX-512",
    "avx2": "AVX2",
    "sve": "SVE",
    "bf16": "NEON (bf16)",
    "asimd": "NEON",
}
"""Instruction sets that matrix products use, by their names in Linux's list of flags."""


def find_processor(asked: Asked) -> Finding:
    """Return the processor, its cores and instruction sets, and its speed."""
    name, flags = _name_and_flags()
    allowed, quota = usable_cores(), _quota()
    threads = torch.get_num_threads()
    facts: dict[str, object] = {
        "name": name,
        "cores": f"{allowed:,} of {os.cpu_count() or 1:,}",
        "cores_by_quota": quota,
        "torch_threads": threads,
        "torch_uses": torch.backends.cpu.get_cpu_capability(),
        "matrix_units": ", ".join(unit for flag, unit in UNITS.items() if flag in flags) or None,
        "limited_by": os.environ.get("ONEDNN_MAX_CPU_ISA"),
    }
    advice: list[str] = []
    if quota is not None and threads > quota + 0.5:
        advice.append(
            f"set OMP_NUM_THREADS={max(1, int(quota))}: torch starts {threads} threads, and this "
            f"container may use {quota:g} cores"
        )
    elif threads < allowed and "OMP_NUM_THREADS" in os.environ:
        advice.append(
            f"unset OMP_NUM_THREADS, which is {os.environ['OMP_NUM_THREADS']}: there are "
            f"{allowed} cores"
        )
    if asked.measures:
        for label, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
            rate = PRODUCT_FLOPS / product_seconds(dtype) / 1e9
            facts[f"gflops_{label}"] = round(rate, 1)
        facts["precision_auto"] = choose_precision(torch.device("cpu"))
    return Finding({key: value for key, value in facts.items() if value is not None}, advice)


def _name_and_flags() -> tuple[str, set[str]]:
    fields: dict[str, str] = {}
    try:
        for line in CPU_INFO.read_text("utf-8", "replace").splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    except OSError:
        pass  # not Linux
    flags = fields.get("flags") or fields.get("Features") or ""
    return fields.get("model name") or platform.processor() or platform.machine(), set(
        flags.split()
    )


def _quota() -> float | None:
    """Return the cores that the control group may use at a time; None without a limit."""
    try:
        quota, period = QUOTA.read_text("ascii").split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)
