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


@pytest.mark.parametrize(
    ("seconds_per_row", "rows"),
    [(1e-5, [256] * 2 + [2048] * 5), (4e-4, [256] * 2 + [2048] * 5), (1e-3, [256] * 2)],
)
def test_a_slow_product_is_timed_by_few_rows(
    monkeypatch: pytest.MonkeyPatch, seconds_per_row: float, rows: list[int]
) -> None:
    now, timed = [0.0], []

    def linear(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        now[0] += seconds_per_row * len(x)
        timed.append(len(x))
        return weight

    monkeypatch.setattr(precision.F, "linear", linear)
    monkeypatch.setattr(precision.time, "perf_counter", lambda: now[0])
    measure = precision.product_seconds.__wrapped__
    assert measure(torch.float32) == pytest.approx(2048 * seconds_per_row)
    assert timed == rows


def test_the_measurement_takes_time() -> None:
    assert choose_precision(CPU) in {"fp32", "bf16"}


def test_a_device_is_found_or_refused() -> None:
    assert find_device("cpu") == CPU
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="--device: got cuda"):
            find_device("cuda")
