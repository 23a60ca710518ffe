import pytest
import torch

from lmkit.errors import ConfigError
from lmkit.training import precision
from lmkit.training.precision import choose_precision, find_device

CPU = torch.device("cpu")


def test_the_faster_precision_is_chosen_if_it_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds, expected in ((1.0, "bf16"), (1.9, "fp32"), (5.0, "fp32")):
        times = {torch.float32: 2.0, torch.bfloat16: seconds}
        monkeypatch.setattr(precision, "product_seconds", times.__getitem__)
        assert choose_precision(CPU) == expected


def test_the_measurement_takes_time() -> None:
    assert choose_precision(CPU) in {"fp32", "bf16"}


def test_a_device_is_found_or_refused() -> None:
    assert find_device("cpu") == CPU
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="--device: got cuda"):
            find_device("cuda")
