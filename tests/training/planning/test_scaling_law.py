import math

import pytest

from lmkit.training.planning.scaling_law import PUBLISHED, REPETITIONS, effective_tokens


def test_the_optimum_for_chinchillas_flops_is_chinchilla() -> None:
    # Hoffmann et al. (2022): 70 billion parameters, 1.4 trillion tokens.
    parameters, tokens = PUBLISHED.optimum(6 * 70e9 * 1.4e12)
    assert parameters == pytest.approx(70e9, rel=0.1)
    assert tokens == pytest.approx(1.4e12, rel=0.1)


def test_parameters_grow_with_flops_to_the_power_that_besiroglu_et_al_found() -> None:
    small, large = PUBLISHED.optimum(1e20)[0], PUBLISHED.optimum(1e24)[0]
    assert math.log(large / small, 1e4) == pytest.approx(0.513, abs=0.001)


def test_the_loss_is_the_sum_of_three_terms() -> None:
    # By hand: 482.01 / 7e10^0.3478 = 0.0815, 2085.43 / 1.4e12^0.3658 = 0.0752.
    assert PUBLISHED.loss(70e9, 1.4e12) == pytest.approx(1.8172 + 0.0815 + 0.0752, abs=2e-4)


@pytest.mark.parametrize("flops", [1e15, 1e18, 1e21, 1e24])
def test_no_other_size_has_a_lower_loss_for_the_same_flops(flops: float) -> None:
    grid = [10 ** (3 + step / 500) for step in range(5_000)]
    best = min(grid, key=lambda parameters: PUBLISHED.loss(parameters, flops / 6 / parameters))
    parameters, tokens = PUBLISHED.optimum(flops)
    assert parameters == pytest.approx(best, rel=0.01)
    assert 6 * parameters * tokens == pytest.approx(flops)


def test_the_parameters_for_some_tokens_are_those_whose_optimal_data_they_are() -> None:
    for flops in (1e15, 1e21):
        parameters, tokens = PUBLISHED.optimum(flops)
        assert PUBLISHED.parameters_for(tokens) == pytest.approx(parameters)


def test_repeated_tokens_are_worth_less_and_in_the_end_nothing() -> None:
    # Muennighoff et al. (2023): after R* repetitions, 1 - 1/e of R* new epochs; 1 + R* at most.
    assert effective_tokens(99, 100) == 99
    by_hand = 1 + 15.39 * (1 - math.exp(-1))
    assert effective_tokens(1 + REPETITIONS, 1) == pytest.approx(by_hand)
    assert effective_tokens(1e9, 1) == pytest.approx(16.39)
    # Up to four epochs are almost as good as new data.
    assert effective_tokens(4, 1) > 0.93 * 4
