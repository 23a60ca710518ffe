"""The family that a model is exported as, and that every weight is converted."""

import pytest

from lmkit.errors import ConfigError, InputError
from lmkit.huggingface.registry import (
    FAMILIES,
    family_named,
    family_of,
    refuse_padding,
    rules_of,
)
from lmkit.huggingface.weight_conversion import hf_weights, shapes_of
from lmkit.model.options import ModelConfig
from tests.huggingface.models import BERT, ONE_OF_EACH, SHAPE, YARN, random_model
from tests.model.tiny import VOCABULARY


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_each_model_has_its_family_and_every_weight_one_name(name: str) -> None:
    model = random_model(**ONE_OF_EACH[name])
    family = family_of(model.config)
    assert family.model_type == name == family_named({"model_type": name}, "").model_type
    shapes = shapes_of(model.config, VOCABULARY)
    assert shapes == {name: tuple(p.shape) for name, p in model.named_parameters()}
    converted = [one for rule in rules_of(family, model.config, shapes) for one in rule.lmkit_names]
    assert len(converted) == len(set(converted))
    assert set(shapes) - set(converted) <= {"query_vector"}
    weights = hf_weights(family, model.config, dict(model.named_parameters()))
    numbers = sum(t.numel() for t in weights.values())
    not_converted = sum(p.numel() for name, p in model.named_parameters() if name not in converted)
    assert numbers >= sum(p.numel() for p in model.parameters()) - not_converted


def test_presets_are_exported_as_the_families_in_their_names() -> None:
    names = ("gpt2-small", "llama-15m", "bert-base", "modernbert-base", "xlnet-base", "t5-small")
    families = [family_of(ModelConfig.model_validate({"preset": name})) for name in names]
    expected = ["gpt2", "llama", "bert", "modernbert", "xlnet", "t5"]
    assert [family.model_type for family in families] == expected


UNSUPPORTED: list[tuple[dict[str, object], str, str]] = [
    ({"position": "alibi"}, "LlamaForCausalLM", "--model.position alibi (it has rotary)"),
    ({"norm": "layernorm"}, "LlamaForCausalLM", "--model.norm layernorm (it has rmsnorm)"),
    ({"window": 8, "biases": True}, "LlamaForCausalLM", "--model.window 8 (it has none)"),
    (
        {"norm_position": "output"},
        "LlamaForCausalLM",
        "--model.norm-position output (it has pre)",
    ),
    (
        {"attention_biases": "qkv", "qk_norm": True},
        "Qwen2ForCausalLM",
        "--model.qk-norm true (it has false)",
    ),
    (
        {"norm": "layernorm", "activation": "gelu", "biases": True, "attention_biases": "qkv"},
        "GPTNeoXForCausalLM",
        "--model.attention-biases qkv (it has none or off)",
    ),
    (
        {**BERT, "first_position": 2, "activation": "relu"},
        "BertForMaskedLM",
        "--model.first-position 2 (it has 0)",
    ),
    (
        {"architecture": "encoder", "norm": "layernorm", "activation": "geglu", **YARN},
        "ModernBertForMaskedLM",
        "--model.rotary-scaling yarn (it has none)",
    ),
    (
        {"window": 8, "qk_norm": True, "biases": True},
        "Qwen3ForCausalLM",
        "--model.biases true (it has false)",
    ),
    (
        {**BERT, "tie_embeddings": False},
        "BertForMaskedLM",
        "--model.tie-embeddings false (it has true)",
    ),
    (
        {"architecture": "encoder"},
        "ModernBertForMaskedLM",
        "--model.norm rmsnorm (it has layernorm)",
    ),
    (
        {"architecture": "encoder-decoder", "position": "relative", "attention_biases": "all"},
        "T5ForConditionalGeneration",
        "--model.attention-biases all (it has none)",
    ),
]


@pytest.mark.parametrize(("options", "closest", "reason"), UNSUPPORTED)
def test_unsupported_options_are_named(
    options: dict[str, object], closest: str, reason: str
) -> None:
    with pytest.raises(ConfigError) as error:
        family_of(ModelConfig.model_validate(SHAPE | options))
    assert f"The closest, {closest}, doesn't support" in error.value.message
    assert reason in error.value.message


def test_an_unknown_family_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="got mamba, must be one of gpt2, llama, mistral, qwen2"):
        family_named({"model_type": "mamba"}, "config.json")
    assert len({family.model_type for family in FAMILIES}) == len(FAMILIES)


def test_padding_must_come_before_the_first_position() -> None:
    config = ModelConfig.model_validate(SHAPE | BERT | {"first_position": 2})
    refuse_padding(config, 1)
    for pad in (0, None):
        with pytest.raises(ConfigError, match=f"first-position: got 2, .* padding has id {pad}"):
            refuse_padding(config, pad)
