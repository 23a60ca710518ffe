from collections import Counter

import pytest
import torch

from lmkit.generation.sampling import distribution, sample
from lmkit.generation.sequence_batch import generate
from lmkit.model.kv_cache import KeyValueCache, positions_after
from tests.model.tiny import VOCABULARY, counting, tiny, tokens

LOGITS = torch.tensor([0.1, 0.5, 0.15, 0.25]).log()


def close(p: torch.Tensor, expected: list[float]) -> None:
    torch.testing.assert_close(p, torch.tensor(expected, dtype=torch.float64), atol=1e-6, rtol=0)


@torch.no_grad()
def test_logits_with_a_cache_are_those_without() -> None:
    model, tokens_BT = tiny(kv_heads=2), tokens(2, 90)
    at_once = model(tokens_BT, counting(tokens_BT))
    cache, parts = KeyValueCache(layers=2), []
    for part_BT in tokens_BT.split([30, 1, 1, 7, *[1] * 51], dim=1):
        parts.append(model(part_BT, positions_after(cache, part_BT), cache=cache))
    assert cache.length == 90
    torch.testing.assert_close(torch.cat(parts, 1), at_once, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_temperature_zero_takes_the_most_likely_token() -> None:
    model, text = tiny(), [3, 1, 4]
    for token in generate(model, [3, 1, 4], max_tokens=70, temperature=0):
        tokens_BT = torch.tensor([text])
        assert token == int(model(tokens_BT, counting(tokens_BT))[0, -1].argmax())
        text.append(token)
    assert len(text) == 73


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


def test_a_seed_gives_the_same_text_and_another_seed_another() -> None:
    model = tiny()
    torch.manual_seed(1)
    first = list(generate(model, [1], max_tokens=20, seed=5))
    torch.manual_seed(2)
    assert list(generate(model, [1], max_tokens=20, seed=5)) == first
    assert list(generate(model, [1], max_tokens=20, seed=6)) != first


def test_forbidden_ids_are_never_generated() -> None:
    allowed = {7, 8, 9}
    forbidden = set(range(VOCABULARY)) - allowed
    text = list(generate(tiny(), [1], max_tokens=60, temperature=5.0, forbidden=forbidden))
    assert set(text) == allowed
    greedy = generate(tiny(), [1], max_tokens=9, temperature=0, forbidden=forbidden)
    assert set(greedy) <= allowed


def test_the_end_stops_the_text_and_is_not_part_of_it() -> None:
    others = set(range(VOCABULARY)) - {7, 8}
    text = list(generate(tiny(), [1], max_tokens=200, temperature=5.0, end_id=8, forbidden=others))
    assert len(text) < 200
    assert set(text) <= {7}
    everything = range(VOCABULARY)
    assert list(generate(tiny(), [1], max_tokens=5, end_id=8, forbidden=everything)) == []


def test_no_more_than_max_tokens_are_generated() -> None:
    assert len(list(generate(tiny(), [1, 2], max_tokens=4))) == 4
    assert list(generate(tiny(), [1, 2], max_tokens=0)) == []


def test_between_two_ids_the_model_is_in_its_former_mode() -> None:
    model = tiny(dropout=0.3).train()
    text = generate(model, [1], max_tokens=3)
    next(text)
    assert model.training
    assert torch.is_grad_enabled()


def test_dropout_is_off_while_generating() -> None:
    with_dropout, plain = tiny(dropout=0.5).train(), tiny()
    assert list(generate(with_dropout, [1], 20)) == list(generate(plain, [1], 20))


@torch.no_grad()
def test_a_position_attends_only_to_its_window() -> None:
    model = tiny(layers=1)
    prompt = [3, 1, 4, 1, 5, 9, 2, 6]
    ids = list(generate(model, prompt, 6, temperature=0, window=4))
    # With one block, the features of a position depend only on the positions it attends to.
    text = prompt[-4:]
    for token in ids:
        window = torch.tensor([text[-4:]])
        logits_BTV = model(window, counting(window))
        assert token == int(logits_BTV[0, -1].argmax())
        text.append(token)
