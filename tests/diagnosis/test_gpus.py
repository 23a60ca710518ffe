import sys

import pytest
import torch

from lmkit.diagnosis.gpus import find_gpus
from tests.diagnosis.asked import NOTHING_MEASURED


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    facts = find_gpus(NOTHING_MEASURED).facts
    assert isinstance(facts, dict) and facts["found"] == "none"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert find_gpus(NOTHING_MEASURED).facts["found"] == "Apple's (mps)"  # type: ignore[call-overload]


def test_each_gpu_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    class Device:
        def __init__(self, number: int) -> None: ...
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...

    names = ["NVIDIA H100 80GB HBM3", "NVIDIA Unheard-of"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", names.__getitem__)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (10**9, 8 * 10**10))
    monkeypatch.setattr(torch.cuda, "device", Device)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    found = find_gpus(NOTHING_MEASURED)
    first, second = found.facts
    assert first["peak"] == "989 TFLOP/s" and second["peak"] == "unknown"  # type: ignore[index]
    assert first["memory"] == "1.0 GB of 80.0 GB free"  # type: ignore[index]
    assert found.advice[0].startswith("pip install") and "nvidia-ml-py" in found.advice[0]
