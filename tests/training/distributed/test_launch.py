from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lmkit.errors import ConfigError
from lmkit.training.distributed import launch
from lmkit.training.distributed.launch import (
    accelerator_for,
    refuse_launcher_plugins,
    requested_mode,
)

USES = "ACCELERATE_USE_"


@pytest.fixture(autouse=True)
def _launched_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEEPSPEED", "MEGATRON_LM", "FSDP"):
        monkeypatch.delenv(USES + name, raising=False)


@pytest.mark.parametrize(
    ("name", "called"), [("DEEPSPEED", "DeepSpeed"), ("MEGATRON_LM", "Megatron-LM")]
)
def test_a_configuration_that_takes_over_training_is_refused(
    name: str, called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_launcher_plugins()
    monkeypatch.setenv(USES + name, "false")
    refuse_launcher_plugins()
    monkeypatch.setenv(USES + name, "true")
    with pytest.raises(ConfigError, match=called) as error:
        refuse_launcher_plugins()
    assert "--parallel fsdp" in str(error.value.hint)


def test_fsdp_of_a_launcher_is_replaced_by_lmkits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert requested_mode("tensor") == "tensor"
    monkeypatch.setenv(USES + "FSDP", "true")
    assert requested_mode("ddp") == "fsdp"
    assert requested_mode("ddp") == "ddp", "what asked for it is gone, so Accelerate won't see it"


def test_the_accelerator_neither_scales_nor_accumulates() -> None:
    accelerator = accelerator_for("cpu", "bf16")
    assert accelerator.mixed_precision == "bf16" and accelerator.device.type == "cpu"
    assert accelerator.scaler is None and accelerator.gradient_accumulation_steps == 1
    assert accelerator_for("cpu", "fp32").mixed_precision == "no"


@pytest.mark.parametrize(("kind", "is_cpu"), [("cpu", True), ("cuda", False)])
def test_accelerate_is_told_what_device_auto_is(
    kind: str, is_cpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else several processes on a machine without GPUs would each train alone."""
    told: list[dict[str, Any]] = []

    def accelerator(**options: Any) -> SimpleNamespace:
        told.append(options)
        return SimpleNamespace(device=torch.device("cpu"), scaler=None)

    monkeypatch.setattr(launch, "find_device", lambda name: torch.device(kind))
    monkeypatch.setattr(launch, "Accelerator", accelerator)
    launch.accelerator_for("auto", "fp32")
    assert told == [{"cpu": is_cpu, "mixed_precision": "no"}]
