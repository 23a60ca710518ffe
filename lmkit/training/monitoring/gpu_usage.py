"""How busy a GPU is, from NVIDIA's management library (NVML), where that is installed.

Choices:
- A thread asks once a second: a single answer is about the last sixth of a second to a second only.
- It is no dependency: `pip install nvidia-ml-py` adds it. Without it, or where it fails, the number
  is left out, and nothing else changes.
- The device is found by its UUID. Its number is another one where CUDA_VISIBLE_DEVICES hides some.
"""

import importlib
from threading import Event, Thread
from typing import Any, Self

import torch

PERIOD = 1.0
"""Seconds between two questions."""


class GpuUsage:
    """Asks for the utilization of a device, until it is closed."""

    def __init__(self, device: torch.device, period: float = PERIOD) -> None:
        self._device, self._period = device, period
        self._ended = Event()
        self._thread: Thread | None = None
        self._sum, self._count = 0.0, 0

    def __enter__(self) -> Self:
        library = nvml() if self._device.type == "cuda" else None
        if library is not None:
            self._thread = Thread(target=self._ask, args=(library,), name="gpu usage", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=2 * self._period)

    def read(self) -> float | None:
        """Return the mean fraction of busy time since it was last read; None where unknown."""
        if not self._count:
            return None
        mean = self._sum / self._count
        self._sum, self._count = 0.0, 0
        return mean

    def _ask(self, library: Any) -> None:
        try:
            library.nvmlInit()
            uuid = torch.cuda.get_device_properties(self._device).uuid
            handle = library.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
            while not self._ended.wait(self._period):
                percent = library.nvmlDeviceGetUtilizationRates(handle).gpu
                self._sum, self._count = self._sum + percent / 100, self._count + 1
        except Exception:
            # Drivers differ in what they support and in what they raise; the run goes on.
            return


def nvml() -> Any | None:
    """Return the library's module; None where it isn't installed."""
    try:
        return importlib.import_module("pynvml")
    except ImportError:
        return None
