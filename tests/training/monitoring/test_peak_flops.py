import pytest

from lmkit.training.monitoring.peak_flops import ModelFlops, peak_flops


@pytest.mark.parametrize(
    ("name", "teraflops"),
    [
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 NVL", 835),
        ("NVIDIA H200", 989),
        ("NVIDIA H20", 148),
        ("NVIDIA B200", 2_250),
        ("NVIDIA GB200", 2_500),
        ("NVIDIA L4", 121),
        ("NVIDIA L40S", 362),
        ("NVIDIA A40", 149.7),
        ("NVIDIA GeForce RTX 4090", 165.2),
        ("AMD Instinct MI300X", 1_307),
    ],
)
def test_the_peak_is_that_of_the_data_sheet(name: str, teraflops: float) -> None:
    assert peak_flops(name, "bf16") == teraflops * 1e12


@pytest.mark.parametrize(
    "name", ["NVIDIA L40", "Tesla V100-SXM2-16GB", "NVIDIA RTX A4000", "NVIDIA GH200 480GB", "cpu"]
)
def test_a_device_that_is_not_listed_is_not_taken_for_another(name: str) -> None:
    assert peak_flops(name, "bf16") is None


def test_utilization_is_the_worked_example_of_the_paper() -> None:
    # PaLM 540B (appendix B): 540e9 parameters, 118 layers, 48 heads of 256, 2,048 tokens, and
    # 238.3 thousand tokens a second on 6,144 chips of 275 TFLOP/s are 46.2%.
    per_token = 6 * 540e9 + 12 * 118 * 48 * 256 * 2048
    work = ModelFlops(per_token, 6_144 * 275e12)
    assert work.utilization(238.3e3) == pytest.approx(0.462, abs=0.005)
    assert ModelFlops(per_token).utilization(1.0) is None
    assert ModelFlops(2e9).rate(100) == 2e11
