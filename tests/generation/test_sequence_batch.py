import pytest
import torch

from lmkit.generation.sampling import Sampling
from lmkit.generation.sequence_batch import SequenceBatch, generate, sample_tokens
from lmkit.model.kv_cache import KeyValueCache, positions_after
from lmkit.model.positions.registry import POSITIONS
from lmkit.model.presets import PARTS, PRESETS
from lmkit.model.transformer import Transformer
from tests.model.tiny import VOCABULARY, counting, tiny, tokens

GREEDY = Sampling(temperature=0)
ALL_ALLOWED = torch.ones(VOCABULARY, dtype=torch.bool)


YARN = {"rotary_scaling": "yarn", "rotary_factor": 4.0, "rotary_original_length": 16}


@pytest.mark.parametrize(
    "options",
    [
        {"kv_heads": 2},
        {"kv_heads": 2, "attention_biases": "qkv", **YARN},
        {"parallel_residual": True, "rotary_fraction": 0.5, "norm": "layernorm", "biases": True},
        {"norm_position": "output", "qk_norm": True, "qk_norm_over": "projection", "kv_heads": 2},
        {"position": "learned", "max_positions": 90, "first_position": 2},
        {"ngram_length": 4, "ngram_rows": 500},
    ],
    ids=["llama", "qwen2", "gpt-neox", "olmo2", "offset", "n-grams"],
)
@torch.no_grad()
def test_logits_with_a_cache_are_those_without(options: dict[str, object]) -> None:
    model, tokens_BT = tiny(**options), tokens(2, 90)
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


def decoder_of(preset: str) -> Transformer:
    """Return a small decoder with the components of a preset, and its ratio of key-value heads."""
    shape = PRESETS[preset]
    kv_heads = 4 * shape.kv_heads // shape.heads
    return tiny(**{**PARTS.get(preset, {}), "kv_heads": kv_heads})


DECODER_PRESETS = [
    name for name in PRESETS if PARTS.get(name, {}).get("architecture", "decoder") == "decoder"
]
POSITIONS_OF_DECODERS = [
    name for name, position in POSITIONS.items() if "decoder" in position.architectures
]
WITH_WINDOWS = [{"window": 3, "global_every": 2}, {"window": 4}]
OTHERS: list[dict[str, object]] = [
    {"qk_norm": True, "norm_position": "post", "norm": "layernorm", "biases": True},
    {"activation": "geglu", "tie_embeddings": False, "kv_heads": 1},
    *({"position": name, "kv_heads": 2} for name in POSITIONS_OF_DECODERS),
    *({"position": n, **windows} for n in POSITIONS_OF_DECODERS for windows in WITH_WINDOWS[:1]),
    WITH_WINDOWS[1],
]
LENGTHS = (5, 1, 13, 4)
SAMPLED = Sampling(temperature=1.0, top_p=0.95, min_p=0.001, repetition_penalty=1.1)
END = 7


def alone(model: Transformer, prompt: list[int], sampling: Sampling, seed: int) -> list[int]:
    """Sample 12 ids, or up to END."""
    found: list[int] = []
    sampled = sample_tokens(model, prompt, lambda _: ALL_ALLOWED, sampling, seed=seed, window=11)
    while len(found) < 12 and END not in found:
        found.append(next(sampled).token)
    return found


def together(
    model: Transformer, prompts: list[list[int]], sampling: Sampling, seeds: list[int]
) -> list[list[int]]:
    """Do the same in one batch, which each sequence leaves after END."""
    batch = SequenceBatch(model, prompts, sampling, seeds, window=11)
    texts: list[list[int]] = [[] for _ in prompts]
    growing = list(texts)
    for _ in range(12):
        for text, sampled in zip(
            growing, batch.next_tokens([ALL_ALLOWED] * len(growing)), strict=True
        ):
            text.append(sampled.token)
        batch.keep([row for row, text in enumerate(growing) if END not in text])
        growing = [text for text in growing if END not in text]
        if not growing:
            break
    return texts


def has_the_tokens_of_each_alone(model: Transformer) -> None:
    prompts = [tokens(1, length, seed=length)[0].tolist() for length in LENGTHS]
    lengths: set[int] = set()
    for sampling in (GREEDY, SAMPLED):
        expected = [alone(model, prompt, sampling, n) for n, prompt in enumerate(prompts)]
        for size in (2, 4):
            found: list[list[int]] = []
            for start in range(0, len(prompts), size):
                part = prompts[start : start + size]
                seeds = list(range(start, start + len(part)))
                found += together(model, part, sampling, seeds)
            assert found == expected
        lengths |= {len(text) for text in expected}
    assert len(lengths) > 1 or lengths == {12}


@pytest.mark.parametrize("preset", DECODER_PRESETS)
def test_a_batch_has_the_tokens_of_each_prompt_alone_with_every_preset(preset: str) -> None:
    has_the_tokens_of_each_alone(decoder_of(preset))


@pytest.mark.parametrize("options", OTHERS, ids=str)
def test_a_batch_has_the_tokens_of_each_prompt_alone_with_every_position_encoding(
    options: dict[str, object],
) -> None:
    has_the_tokens_of_each_alone(tiny(**options))


@torch.no_grad()
@pytest.mark.parametrize("position", POSITIONS_OF_DECODERS)
def test_the_probabilities_in_a_batch_are_those_of_each_prompt_alone(position: str) -> None:
    model = tiny(position=position)
    prompts = [tokens(1, length, seed=length)[0].tolist() for length in (3, 12, 7)]
    batch = SequenceBatch(model, prompts, GREEDY, [0, 0, 0])
    for _ in range(5):
        sampled_tokens = batch.next_tokens([ALL_ALLOWED] * 3)
        for row, sampled in enumerate(sampled_tokens):
            row_T = torch.tensor([prompts[row]])
            p_V = model(row_T, counting(row_T))[0, -1].double().softmax(-1)
            assert sampled.probability == pytest.approx(float(p_V[sampled.token]), rel=1e-4)
            prompts[row].append(sampled.token)


def test_a_sequence_that_ended_leaves_the_cache() -> None:
    batch = SequenceBatch(tiny(), [[1, 2, 3], [4], [5, 6]], GREEDY, [0, 1, 2])
    batch.next_tokens([ALL_ALLOWED] * 3)
    batch.keep([1])
    (sampled,) = batch.next_tokens([ALL_ALLOWED])
    expected = sample_tokens(tiny(), [4], lambda _: ALL_ALLOWED, GREEDY)
    assert [next(expected).token, next(expected).token][1] == sampled.token
