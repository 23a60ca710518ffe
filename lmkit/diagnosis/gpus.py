"""The GPUs that torch finds: memory, precision, peak."""

import torch

from lmkit.diagnosis.finding import Asked, Finding
from lmkit.execution.amounts import size
from lmkit.extras import installation
from lmkit.training.monitoring.gpu_usage import nvml
from lmkit.training.monitoring.peak_flops import peak_flops


def find_gpus(_: Asked) -> Finding:
    """Return the GPUs of CUDA or ROCm, else Apple's."""
    if not torch.cuda.is_available():
        built_for = torch.version.cuda or torch.version.hip
        apple = torch.backends.mps.is_available()
        found = "Apple's (mps)" if apple else "none"
        return Finding({"found": found, "torch_built_for": built_for or "no GPU"})
    rows = [_row(number) for number in range(torch.cuda.device_count())]
    advice: list[str] = []
    if nvml() is None and torch.version.hip is None:
        package = installation("nvidia-ml-py")
        advice.append(f"{package}: pretrain then shows how busy its GPU is")
    return Finding(rows, advice)


def _row(number: int) -> dict[str, object]:
    name = torch.cuda.get_device_name(number)
    free, total = torch.cuda.mem_get_info(number)
    with torch.cuda.device(number):
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    peak = peak_flops(name, "bf16")
    return {
        "gpu": number,
        "name": name,
        "memory": f"{size(free)} of {size(total)} free",
        "bf16": has_bf16,
        "peak": "unknown" if peak is None else f"{peak / 1e12:,.0f} TFLOP/s",
    }
