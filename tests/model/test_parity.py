"""Presets are as large as the published models; generation matches Transformers."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
import torch

from lmkit.generation.sampling import Sampling
from lmkit.generation.sequence_batch import generate, sample_tokens
from lmkit.model.cost import parameters
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from tests.huggingface.models import ONE_OF_EACH, loaded, random_model, saved_as_hf, transformers
from tests.model.tiny import VOCABULARY, counting, tokens

COUNT = 50


DECODERS = ["gpt2", "llama", "mistral", "qwen2", "qwen3", "olmo2", "gpt_neox"]


@pytest.mark.parametrize("name", DECODERS)
@torch.no_grad()
def test_the_same_greedy_tokens_from_decoders(name: str, tmp_path: Path) -> None:
    model = random_model(**ONE_OF_EACH[name])
    hf_model = loaded(saved_as_hf(model, tmp_path / "hf"))
    prompt = tokens(1, 10)
    settings = {"max_new_tokens": COUNT, "do_sample": False, "eos_token_id": None}
    expected = hf_model.generate(prompt, **settings)[0, 10:].tolist()
    assert list(generate(model, prompt[0].tolist(), COUNT, temperature=0)) == expected
    assert len(set(expected)) > 3


@torch.no_grad()
def test_the_same_greedy_tokens_from_t5(tmp_path: Path) -> None:
    model = random_model(**ONE_OF_EACH["t5"] | {"activation": "geglu-tanh"})
    hf_model = loaded(saved_as_hf(model, tmp_path / "hf"))
    source_BS = tokens(1, 30)
    settings = {"max_new_tokens": COUNT, "do_sample": False, "eos_token_id": None}
    expected = hf_model.generate(source_BS, **settings)[0, 1:].tolist()
    all_allowed_V = torch.ones(VOCABULARY, dtype=torch.bool)
    source = model.encode(source_BS, counting(source_BS))
    predicted = sample_tokens(
        model, [0], lambda _: all_allowed_V, Sampling(temperature=0), source=source
    )
    assert [choice.token for choice in islice(predicted, COUNT)] == expected
    assert len(set(expected)) > 3


FAMILIES: dict[str, tuple[str, Callable[[int], object], Callable[[int], int]]] = {
    "gpt2-small": (
        "GPT2LMHeadModel",
        lambda v: transformers.GPT2Config(vocab_size=v),
        lambda v: 0,
    ),
    "gpt2-medium": (
        "GPT2LMHeadModel",
        lambda v: transformers.GPT2Config(vocab_size=v, n_embd=1024, n_layer=24, n_head=16),
        lambda v: 0,
    ),
    # lmkit has XLNet's query vector; Transformers two kinds of segments.
    "bert-base": (
        "BertForMaskedLM",
        lambda v: transformers.BertConfig(vocab_size=v),
        lambda v: 768 - 2 * 768,
    ),
    "modernbert-base": (
        "ModernBertForMaskedLM",
        lambda v: transformers.ModernBertConfig(vocab_size=v, pad_token_id=0),
        lambda v: 768,
    ),
    "t5-small": (
        "T5ForConditionalGeneration",
        lambda v: transformers.T5Config(vocab_size=v),
        lambda v: 0,
    ),
    # Transformers has two kinds of segments for each head of each block, and a bias for them.
    "xlnet-base": (
        "XLNetLMHeadModel",
        lambda v: transformers.XLNetConfig(
            vocab_size=v, d_model=768, n_layer=12, n_head=12, d_inner=3072
        ),
        lambda v: -12 * 3 * 768,
    ),
}


@pytest.mark.parametrize("preset", FAMILIES)
def test_a_preset_has_as_many_parameters_as_its_family(preset: str) -> None:
    name, make_config, difference = FAMILIES[preset]
    with torch.device("meta"):
        hf_model = getattr(transformers, name)(make_config(1000))
        model = Transformer(ModelConfig.model_validate({"preset": preset}), 1000)
    count = sum(p.numel() for p in hf_model.parameters())
    assert sum(p.numel() for p in model.parameters()) == count + difference(1000)
    assert parameters(model.config, 1000) == count + difference(1000)
