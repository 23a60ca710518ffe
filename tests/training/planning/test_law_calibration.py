import math
from collections.abc import Callable

import numpy as np
import pytest

from lmkit.training.planning import law_calibration as module
from lmkit.training.planning.law_calibration import CalibratedLaw, Observation
from lmkit.training.planning.scaling_law import BYTES_PER_TOKEN, PUBLISHED

Loss = Callable[[float, float], float]
SIZES = [(1e6, 1e6), (3e6, 2e6), (1e6, 4e6)]
"""Parameters and tokens of pilot runs."""


def calibrated(runs: list[Observation], *, vocabulary: int = 8192) -> CalibratedLaw:
    return CalibratedLaw(
        runs, center=(3e6, 2e7), bytes_per_token=BYTES_PER_TOKEN, vocabulary_size=vocabulary
    )


def saturated(entropy: float, excess: float, vocabulary: int = 8192) -> float:
    """Return the loss of an excess, which ends at that of a uniform guess."""
    span = math.log(vocabulary) - entropy
    return entropy + span * excess / (span + excess)


def small_text(parameters: float, tokens: float) -> float:
    """Another text, and a recipe that needs less than was published."""
    excess = PUBLISHED.parameter_term(parameters) + PUBLISHED.token_term(tokens)
    return saturated(1.6, 0.7 * excess)


def test_the_published_law_saturates_at_what_nanogpt_measures_on_books() -> None:
    """300 steps of 4,096 tokens, 13.8 million parameters, 8,192 entries of 3.6 bytes: 5.98."""
    found = CalibratedLaw(
        [], center=(13.8e6, 1.23e6), bytes_per_token=3.6, vocabulary_size=8_192
    ).predict(13.8e6, 1.23e6)
    assert found.loss == pytest.approx(5.98, rel=0.02)


@pytest.mark.parametrize("longer", [4, 10])
def test_runs_on_a_text_predict_longer_ones(longer: int) -> None:
    law = calibrated([Observation(n, d, small_text(n, d)) for n, d in SIZES])
    expected = small_text(3e6, longer * 4e6)
    found = law.predict(3e6, longer * 4e6)
    assert found.loss == pytest.approx(expected, rel=0.03)
    assert found.low < expected < found.high


def test_more_runs_narrow_the_interval_and_distance_widens_it() -> None:
    runs = [Observation(n, d, small_text(n, d)) for n, d in SIZES]

    def width(law: CalibratedLaw, tokens: float) -> float:
        found = law.predict(3e6, tokens)
        return (found.high - found.low) / found.loss

    of_none, of_two, of_three = (width(calibrated(runs[:count]), 2e7) for count in (0, 2, 3))
    assert of_none > of_two > of_three
    assert width(calibrated(runs), 2e8) > of_three > width(calibrated(runs), 4e6)


def test_without_runs_the_published_loss_is_in_the_interval_below_a_uniform_guess() -> None:
    large = CalibratedLaw(
        [], center=(70e9, 1.4e12), bytes_per_token=BYTES_PER_TOKEN, vocabulary_size=32_000
    ).predict(70e9, 1.4e12)
    assert large.loss == pytest.approx(PUBLISHED.loss(70e9, 1.4e12), rel=0.01)
    tiny = calibrated([], vocabulary=512).predict(1e5, 1e4)
    assert tiny.low < tiny.loss < tiny.high <= math.log(512)


def test_a_short_run_counts_less_than_a_long_one() -> None:
    runs = [Observation(n, d, small_text(n, d)) for n, d in SIZES]
    wrong = small_text(1e6, 4e6) * 1.05
    trusted = calibrated([*runs[:2], Observation(1e6, 4e6, wrong)]).predict(1e6, 2e7)
    doubted = calibrated([*runs[:2], Observation(1e6, 4e6, wrong, 20)]).predict(1e6, 2e7)
    assert doubted.loss < trusted.loss


def test_the_prediction_is_that_of_a_slow_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw constants from what is published, and weight them by how well they explain the runs."""
    monkeypatch.setattr(module, "RUN_SD", 0.05)
    runs = [Observation(n, d, small_text(n, d)) for n, d in SIZES]
    found = calibrated(runs).predict(3e6, 2e7)

    rng = np.random.default_rng(0)
    count = 400_000
    center = [math.exp(np.log(values).mean()) for values in zip(*SIZES, strict=True)]
    decades = max(math.log10(70e6 / center[0]), math.log10(5e9 / center[1]))
    common = rng.normal(1, module.FACTOR_SD + module.FACTOR_SD_PER_DECADE * decades, count)
    first, second = (common + rng.normal(0, module.RATIO_SD, count) for _ in "ab")
    weights = np.exp(-(module.GRID_SDS**2) / 2)
    weights /= weights.sum()
    grid = [rng.choice(module.GRID_SDS, count, p=weights) for _ in "Eab"]
    entropy = PUBLISHED.entropy * (1 + module.ENTROPY_SD * grid[0])
    alpha = PUBLISHED.parameter_exponent + module.PARAMETER_EXPONENT_SD * grid[1]
    beta = PUBLISHED.token_exponent + module.TOKEN_EXPONENT_SD * grid[2]

    def losses(parameters: float, tokens: float) -> np.ndarray:
        a = first * PUBLISHED.parameter_term(center[0]) * (parameters / center[0]) ** -alpha
        b = second * PUBLISHED.token_term(center[1]) * (tokens / center[1]) ** -beta
        span = math.log(8192) - entropy
        h = np.maximum(0, a + b) / span
        return entropy + span * h / (1 + h)

    logs = sum(-(((losses(r.parameters, r.tokens) - r.loss) / r.loss_sd) ** 2) / 2 for r in runs)
    likelihood = np.exp(logs - np.max(logs))
    values = losses(3e6, 2e7)
    mean = np.average(values, weights=likelihood)
    variance = np.average((values - mean) ** 2, weights=likelihood) + (0.05 * mean) ** 2
    assert found.loss == pytest.approx(mean, rel=0.03)
    assert found.high - found.loss == pytest.approx(1.645 * math.sqrt(variance), rel=0.2)
