"""Slower rotation: values by hand, and those of Transformers."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lmkit.model.options import ModelConfig
from lmkit.model.positions.rotary import rotary_frequencies
from lmkit.model.positions.rotary_scaling import default_attention_factor, scaled_frequencies

CPU = torch.device("cpu")


def scaled(**options: Any) -> tuple[torch.Tensor, float]:
    config = ModelConfig.model_validate({"hidden_size": 128, "heads": 2} | options)
    base = config.rotary_base
    return scaled_frequencies(config, rotary_frequencies(config.rotary_dim, base, CPU), base)


def test_llama3_slows_by_the_number_of_rotations() -> None:
    # Frequencies of a step: 1, 0.1, 0.01, 0.001; within 400 steps 63.7, 6.37, 0.637 and 0.064
    # rotations. From 4 on nothing is slowed, up to 1 all is; 2.5 rotations are halfway.
    options: dict[str, Any] = {"hidden_size": 8, "heads": 1, "rotary_scaling": "llama3"}
    frequencies, factor = scaled(**options, rotary_factor=8.0, rotary_original_length=400)
    torch.testing.assert_close(frequencies, torch.tensor([1.0, 0.1, 0.01 / 8, 0.001 / 8]))
    assert factor == 1.0
    length = round(2.5 * 2 * math.pi / 0.01)
    frequencies, _ = scaled(**options, rotary_factor=8.0, rotary_original_length=length)
    halfway = (0.01 + 0.01 / 8) / 2
    assert frequencies[2].item() == pytest.approx(halfway, rel=1e-3)


def test_yarn_slows_by_the_number_of_the_pair() -> None:
    # 64 channels, base 10,000, 2,048 positions: the paper's equation for the pair that rotates
    # r times is 64 ln(2048 / (2 pi r)) / (2 ln 10000), 8.06 for r = 32 and 20.1 for r = 1.
    options: dict[str, Any] = {"rotary_scaling": "yarn", "rotary_factor": 4.0}
    plain = rotary_frequencies(64, 10_000.0, CPU)
    frequencies, factor = scaled(**options, rotary_original_length=2048)
    assert factor == pytest.approx(1.138629436)  # 0.1 ln 4 + 1
    assert frequencies[:9].equal(plain[:9])
    torch.testing.assert_close(frequencies[21:], plain[21:] / 4)
    share = (12 - 8) / (21 - 8)
    expected = plain[12] * (1 - share) + plain[12] / 4 * share
    torch.testing.assert_close(frequencies[12], expected)
    exact, _ = scaled(**options, rotary_original_length=2048, rotary_whole_pairs=False)
    first, last = (
        64 * math.log(2048 / (2 * math.pi * rotations)) / (2 * math.log(10_000))
        for rotations in (32, 1)
    )
    share = (12 - first) / (last - first)
    torch.testing.assert_close(exact[12], plain[12] * (1 - share) + plain[12] / 4 * share)


def test_without_a_factor_above_one_nothing_changes() -> None:
    plain = rotary_frequencies(64, 10_000.0, CPU)
    for scaling in ("linear", "yarn", "llama3"):
        length = None if scaling == "linear" else 64
        frequencies, factor = scaled(
            rotary_scaling=scaling, rotary_factor=1.0, rotary_original_length=length
        )
        assert factor == 1.0
        torch.testing.assert_close(frequencies, plain)
    assert default_attention_factor(1.0) == 1.0


@pytest.mark.parametrize("head_dim", [8, 64, 128])
@pytest.mark.parametrize("fraction", [1.0, 0.5])
@pytest.mark.parametrize("base", [100.0, 10_000.0, 500_000.0])
@pytest.mark.parametrize(
    ("scaling", "names"),
    [
        ("linear", ()),
        ("yarn", ("beta_slow", "beta_fast")),
        ("llama3", ("low_freq_factor", "high_freq_factor")),
    ],
)
@pytest.mark.parametrize("length", [4, 64, 8192])
def test_values_are_those_of_transformers(
    scaling: str, names: tuple[str, ...], length: int, base: float, fraction: float, head_dim: int
) -> None:
    rope_utils = pytest.importorskip("transformers.modeling_rope_utils")
    parameters: dict[str, Any] = {
        **{"rope_type": scaling, "rope_theta": base, "factor": 6.0},
        **{"partial_rotary_factor": fraction, "original_max_position_embeddings": length},
        **dict(zip(names, (1.5, 5.0), strict=False)),
    }
    hf_config = SimpleNamespace(
        rope_parameters=parameters,
        head_dim=head_dim,
        hidden_size=head_dim * 2,
        num_attention_heads=2,
        standardize_rope_params=lambda: None,
    )
    expected, expected_factor = rope_utils.ROPE_INIT_FUNCTIONS[scaling](hf_config, CPU)
    ramp: dict[str, Any] = {}
    if names:
        ramp = {"rotary_slow_rotations": 1.5, "rotary_fast_rotations": 5.0}
        ramp["rotary_original_length"] = length
    frequencies, factor = scaled(
        **{"hidden_size": head_dim * 2, "rotary_fraction": fraction, "rotary_base": base},
        **{"rotary_scaling": scaling, "rotary_factor": 6.0},
        **ramp,
    )
    torch.testing.assert_close(frequencies, expected, rtol=1e-6, atol=0)
    assert factor == pytest.approx(expected_factor, rel=1e-12)
