"""The rule of `--optim.lr auto`, against the runs that its paper reports."""

import pytest

from lmkit.model.options import ModelConfig
from lmkit.training.learning_rate_rule import automatic_learning_rate, learning_rate_of_run


def flops(layers: int, width: int, length: int, tokens: float) -> float:
    """Return C of DeepSeek LLM's section 3.2: 72 L D^2 + 12 L D T for a token."""
    return (72 * layers * width**2 + 12 * layers * width * length) * tokens


@pytest.mark.parametrize(
    ("layers", "width", "sequences", "rate"),
    [
        pytest.param(30, 4096, 2304, 4.2e-4, id="DeepSeek LLM 7B"),
        pytest.param(95, 8192, 4608, 3.2e-4, id="DeepSeek LLM 67B"),
    ],
)
def test_it_gives_the_rates_of_the_models_of_its_paper(
    layers: int, width: int, sequences: int, rate: float
) -> None:
    # Table 2 of arXiv 2401.02954: both have seen 2 trillion tokens, in sequences of 4,096. The
    # second has a batch that is 8% smaller than the rule's.
    computed = flops(layers, width, 4096, 2e12)
    found = automatic_learning_rate(1.0, computed, 4096 * sequences)
    assert found == pytest.approx(rate, rel=0.07)


def test_a_smaller_batch_gets_less_by_its_root_and_a_larger_one_no_more() -> None:
    computed = flops(30, 4096, 4096, 2e12)
    best = 0.2920 * computed**0.3271
    rates = [automatic_learning_rate(1.0, computed, best * part) for part in (0.25, 1, 4)]
    assert rates[0] == pytest.approx(rates[1] / 2, rel=0.02)
    assert rates[2] == rates[1]


def test_it_falls_with_the_size_and_the_length_of_a_run() -> None:
    rates = [
        automatic_learning_rate(1.0, flops(*shape, 256, tokens), 1e9)
        for shape, tokens in (((2, 64), 1e6), ((4, 64), 1e6), ((4, 128), 1e6), ((4, 128), 1e8))
    ]
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == len(rates)


def test_it_stays_within_what_can_be_trained() -> None:
    assert automatic_learning_rate(1.0, 1.0, 1e9) <= 0.05
    assert automatic_learning_rate(1.0, 1e24, 1.0) >= 1e-5


def test_a_run_has_the_flops_of_its_blocks() -> None:
    model = ModelConfig(layers=2, hidden_size=8, heads=2, ffn_size=16)
    # A block: 4 x 8 x 8 for attention, 3 x 8 x 16 for SwiGLU; 6 FLOPs each, and 12 x 8 for each
    # attended position.
    of_a_token = 2 * (6 * (4 * 8 * 8 + 3 * 8 * 16) + 12 * 8 * 5)
    expected = automatic_learning_rate(0.7, of_a_token * 5 * 30, 100)
    found = learning_rate_of_run("adamw", model, sequences=30, length=5, batch_tokens=100)
    assert found == expected
