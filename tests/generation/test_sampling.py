from collections import Counter

import pytest
import torch

from lmkit.generation.sampling import Sampling, distribution, penalized, sample

LOGITS = torch.tensor([0.1, 0.5, 0.15, 0.25]).log()


def close(p: torch.Tensor, expected: list[float]) -> None:
    torch.testing.assert_close(p, torch.tensor(expected, dtype=torch.float64), atol=1e-6, rtol=0)


def test_top_k_keeps_the_k_most_likely_in_proportion() -> None:
    close(distribution(LOGITS, top_k=2), [0, 2 / 3, 0, 1 / 3])
    close(distribution(LOGITS, top_k=9), [0.1, 0.5, 0.15, 0.25])


def test_the_nucleus_is_the_smallest_set_that_reaches_p() -> None:
    close(distribution(LOGITS, top_p=0.7), [0, 2 / 3, 0, 1 / 3])
    close(distribution(LOGITS, top_p=0.8), [0, 0.5 / 0.9, 0.15 / 0.9, 0.25 / 0.9])
    close(distribution(LOGITS, top_p=0.01), [0, 1, 0, 0])
    close(distribution(LOGITS, top_p=0.0), [0, 1, 0, 0])
    close(distribution(LOGITS, top_p=1.0), [0.1, 0.5, 0.15, 0.25])


def test_the_nucleus_is_taken_from_the_k_most_likely() -> None:
    # Of all, 0.6 takes two (0.5 + 0.25); of the two that top_k leaves, 2/3 is enough.
    close(distribution(LOGITS, top_k=2, top_p=0.6), [0, 1, 0, 0])


def test_temperature_is_an_exponent() -> None:
    # Halving it squares the odds: 1, 25, 2.25 and 6.25 of 34.5.
    close(distribution(LOGITS, temperature=0.5), [x / 34.5 for x in (1, 25, 2.25, 6.25)])


@pytest.mark.parametrize(("temperature", "k", "p"), [(1.0, 5, 0.9), (0.7, 40, 0.5), (1.6, 12, 0.8)])
def test_probabilities_are_those_of_transformers(temperature: float, k: int, p: float) -> None:
    warpers = pytest.importorskip("transformers").generation
    logits_V = torch.randn(200, generator=torch.Generator().manual_seed(k)) * 2
    scores = logits_V[None].double()
    for warp in (
        warpers.TemperatureLogitsWarper(temperature),
        warpers.TopKLogitsWarper(k),
        warpers.TopPLogitsWarper(p),
    ):
        scores = warp(torch.zeros(1, 1, dtype=torch.long), scores)
    torch.testing.assert_close(distribution(logits_V, temperature, k, p), scores.softmax(-1)[0])


def test_ids_are_sampled_with_their_probabilities() -> None:
    generator = torch.Generator().manual_seed(0)
    counts = Counter(sample(distribution(LOGITS), generator) for _ in range(4000))
    for token, p in enumerate((0.1, 0.5, 0.15, 0.25)):
        assert abs(counts[token] / 4000 - p) < 0.03  # over three standard deviations


def test_min_p_keeps_what_has_its_fraction_of_the_likeliest() -> None:
    close(distribution(LOGITS, min_p=0.49), [0, 2 / 3, 0, 1 / 3])  # 0.25 of 0.5
    close(distribution(LOGITS, min_p=0.31), [0, 2 / 3, 0, 1 / 3])
    close(distribution(LOGITS, min_p=0.19), [0.1, 0.5, 0.15, 0.25])
    close(distribution(LOGITS, min_p=0), [0.1, 0.5, 0.15, 0.25])
    close(distribution(LOGITS, min_p=1), [0, 1, 0, 0])


def test_min_p_follows_the_temperature() -> None:
    # At 0.5 the odds are 1, 25, 2.25 and 6.25: 0.24 of the likeliest leaves two.
    close(distribution(LOGITS, temperature=0.5, min_p=0.24), [0, 25 / 31.25, 0, 6.25 / 31.25])


def test_the_repetition_penalty_makes_what_is_present_less_likely_whatever_its_sign() -> None:
    logits_V = torch.tensor([2.0, -2.0, 0.0, 3.0, -1.0])
    expected = [1.0, -4.0, 0.0, 3.0, -1.0]
    assert penalized(logits_V, [1, 0, 0, 2], penalty=2.0).tolist() == expected
    assert penalized(logits_V, [], penalty=2.0).tolist() == logits_V.tolist()
    assert logits_V.tolist() == [2.0, -2.0, 0.0, 3.0, -1.0]


def test_the_repetition_penalty_is_applied_before_the_likeliest_is_taken() -> None:
    greedy, generator = Sampling(temperature=0, repetition_penalty=1.5), torch.Generator()
    logits_V = torch.tensor([1.0, 2.0, 1.5])
    assert greedy.sample(logits_V, generator) == 1
    assert greedy.sample(logits_V, generator, present=[1]) == 2  # 2 / 1.5 is 1.33
    assert greedy.sample(logits_V, generator, present=[1, 2]) == 1


@pytest.mark.parametrize("seed", range(8))
def test_all_filters_together_are_those_of_transformers(seed: int) -> None:
    warpers = pytest.importorskip("transformers").generation
    generator = torch.Generator().manual_seed(seed)
    logits_V = torch.randn(300, generator=generator) * 3
    present = torch.randint(0, 300, (1, 60), generator=generator)
    temperature, k, p = 0.5 + seed / 4, 5 + 10 * seed, 0.5 + seed / 16
    min_p, penalty = 0.01 * (seed + 1), 0.8 + 0.2 * seed
    scores = logits_V[None]
    for process in (
        warpers.RepetitionPenaltyLogitsProcessor(penalty),
        warpers.TemperatureLogitsWarper(temperature),
        warpers.TopKLogitsWarper(k),
        warpers.TopPLogitsWarper(p),
        warpers.MinPLogitsWarper(min_p),
    ):
        scores = process(present, scores)
        if isinstance(process, warpers.RepetitionPenaltyLogitsProcessor):
            scores = scores.double()
    p_V = distribution(penalized(logits_V, present[0].tolist(), penalty), temperature, k, p, min_p)
    torch.testing.assert_close(p_V, scores.softmax(-1)[0])
    assert 1 <= int((p_V > 0).sum()) < 300


def test_without_a_filter_nothing_depends_on_the_order_of_the_ids() -> None:
    logits_V = torch.randn(50, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(distribution(logits_V), logits_V.double().softmax(-1))
    torch.testing.assert_close(distribution(logits_V, top_k=50), logits_V.double().softmax(-1))
