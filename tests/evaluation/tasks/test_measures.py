import math

import pytest

from lmkit.evaluation.tasks.measures import (
    ACC,
    ACC_BYTES,
    ACC_NORM,
    ACC_TOKENS,
    BITS_PER_BYTE,
    BYTE_PERPLEXITY,
    GREEDY,
    PERPLEXITY,
    PROBABILITY,
    TEXT_BITS_PER_BYTE,
    WORD_PERPLEXITY,
    Estimate,
    centered,
    estimate,
    mean,
    pooled,
)
from tests.evaluation.tasks.answers import answer

CAFE = answer([-2, -7, -9.6], ["a", "café", "abcdef"], gold=1)
"""Worked example: by characters -2, -1.75, -1.6; by bytes -2, -1.4, -1.6."""
TIES = [answer([-3, -3], gold=1), answer([-3, -3], gold=0)]


def value(measure: object, *answers: object) -> float:
    return estimate(measure, answers).value  # type: ignore[arg-type]


def test_norms_divide_by_characters_and_by_bytes_without_the_delimiter() -> None:
    assert (value(ACC, CAFE), value(ACC_NORM, CAFE), value(ACC_BYTES, CAFE)) == (0, 0, 1)


def test_a_norm_divides_by_tokens() -> None:
    assert value(ACC_TOKENS, answer([-4, -6], gold=1, tokens=[1, 2])) == 1
    assert value(ACC_TOKENS, answer([-4, -9], gold=1, tokens=[1, 2])) == 0


def test_the_first_of_equal_options_is_chosen() -> None:
    assert [value(ACC, each) for each in TIES] == [0, 1]
    assert estimate(ACC, [CAFE, *TIES]) == Estimate(1 / 3, pytest.approx(1 / 3))
    assert value(ACC_NORM, CAFE, *TIES) == 1 / 3
    assert estimate(ACC_BYTES, [CAFE, *TIES]) == Estimate(2 / 3, pytest.approx(1 / 3))


def test_standard_errors_are_those_of_a_mean() -> None:
    assert mean([1, 1, 1, 0]) == Estimate(0.75, 0.25)
    assert mean([1, 0, 1, 0]) == Estimate(0.5, pytest.approx(0.288675, abs=1e-6))
    assert mean([1]) == Estimate(1, None)


def test_a_group_is_the_unweighted_mean_with_the_pooled_standard_error() -> None:
    found = pooled([(mean([1, 0, 1, 0]), 4), (mean([1, 1]), 2)])
    assert found == Estimate(0.75, pytest.approx(0.204124, abs=1e-6))


def test_a_group_with_a_task_without_a_standard_error_has_none() -> None:
    assert pooled([(mean([1]), 1), (mean([0, 1]), 2)]) == Estimate(0.75, None)
    assert pooled([(mean([1]), 1), (mean([0]), 1)]) == Estimate(0.5, None)


def test_completions_have_a_perplexity_and_greedy_accuracy() -> None:
    answers = [answer([-1], ["x"], greedy=True), answer([-3], ["y"])]
    # The delta method: 7.389056 times the standard error of the mean, sqrt(2) / sqrt(2).
    assert estimate(PERPLEXITY, answers) == Estimate(
        pytest.approx(7.389056), pytest.approx(7.389056)
    )
    assert estimate(GREEDY, answers) == Estimate(0.5, pytest.approx(0.5))


def test_a_perplexity_too_large_for_a_float_is_infinite() -> None:
    assert value(PERPLEXITY, answer([-1000], ["x"])) == math.inf


def test_texts_have_bits_per_byte_and_perplexities_of_bytes_and_words() -> None:
    answers = [answer([-10], ["ab cd ef"]), answer([-20], ["uvw xyz éé"])]
    assert estimate(TEXT_BITS_PER_BYTE, answers) == Estimate(pytest.approx(2.164043), None)
    assert value(BYTE_PERPLEXITY, *answers) == pytest.approx(4.481689)
    assert value(WORD_PERPLEXITY, *answers) == pytest.approx(148.413159)


def test_bits_per_byte_of_an_answer_count_the_delimiter() -> None:
    assert value(BITS_PER_BYTE, answer([-6.931472], ["Paris"])) == pytest.approx(10 / 6)


def test_the_probability_of_an_answer_is_a_softmax_over_the_options() -> None:
    assert value(PROBABILITY, answer([math.log(1), math.log(3)], gold=1)) == pytest.approx(0.75)
    assert value(PROBABILITY, answer([-math.inf, -math.inf])) == 0.5


def test_centered_accuracy_is_zero_at_chance_and_one_at_best() -> None:
    assert centered(0.40, 0.25) == pytest.approx(0.20)
    assert centered(0.403, 0.403) == 0
    assert centered(1, 0.5) == 1
    assert centered(1, 1) is None
