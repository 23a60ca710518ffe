import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from lmkit.training.monitoring.gpu_usage import GpuUsage

STAND_IN = """
asked = []
def nvmlInit(): pass
def nvmlDeviceGetHandleByUUID(uuid): return uuid
class Rates: gpu = 40
def nvmlDeviceGetUtilizationRates(handle):
    asked.append(handle)
    if len(asked) > 3: raise RuntimeError("not supported")
    return Rates
"""


def test_it_is_the_mean_since_it_was_last_read_and_ends_where_the_library_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pynvml.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda _: SimpleNamespace(uuid="12-34")
    )
    with GpuUsage(torch.device("cuda"), period=0.01) as usage:
        usage._thread.join(20)  # type: ignore[union-attr]  # the fourth question fails
        assert usage.read() == pytest.approx(0.4)
        assert usage.read() is None
    import pynvml  # type: ignore[import-not-found]  # pyright: ignore

    assert pynvml.asked == ["GPU-12-34"] * 4
    monkeypatch.delitem(sys.modules, "pynvml")


def test_it_is_unknown_on_a_cpu_and_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    for device in ("cpu", "cuda"):
        with GpuUsage(torch.device(device), period=0.01) as usage:
            time.sleep(0.03)
            assert usage.read() is None
