"""Which family a model goes out as, and that no weight is left behind."""

import pytest

from lmkit.errors import ConfigError, InputError
from lmkit.huggingface.registry import (
    FAMILIES,
    exported,
    family_named,
    family_of,
    rules_of,
    shapes_of,
)
from lmkit.model.options import ModelConfig
from tests.huggingface.models import BERT, ONE_OF_EACH, SHAPE, scattered
from tests.model.tiny import VOCABULARY


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_each_has_its_family_and_every_weight_one_place(name: str) -> None:
    ours = scattered(**ONE_OF_EACH[name])
    family = family_of(ours.config)
    assert family.model_type == name == family_named({"model_type": name}, "").model_type
    shapes = shapes_of(ours.config, VOCABULARY)
    assert shapes == {name: tuple(p.shape) for name, p in ours.named_parameters()}
    placed = [one for rule in rules_of(family, ours.config, shapes) for one in rule.ours]
    assert len(placed) == len(set(placed))
    assert set(shapes) - set(placed) <= {"query_vector"}
    weights = exported(family, ours.config, dict(ours.named_parameters()))
    numbers = sum(t.numel() for t in weights.values())
    lost = sum(p.numel() for name, p in ours.named_parameters() if name not in placed)
    assert numbers >= sum(p.numel() for p in ours.parameters()) - lost


def test_presets_go_out_as_what_they_are_named_after() -> None:
    names = ("gpt2-small", "llama-15m", "bert-base", "modernbert-base", "xlnet-base", "t5-small")
    found = [family_of(ModelConfig.model_validate({"preset": name})) for name in names]
    expected = ["gpt2", "llama", "bert", "modernbert", "xlnet", "t5"]
    assert [family.model_type for family in found] == expected


OBSTACLES: list[tuple[dict[str, object], str, str]] = [
    ({"position": "alibi"}, "LlamaForCausalLM", "--model.position alibi (it has rotary)"),
    ({"norm": "layernorm"}, "LlamaForCausalLM", "--model.norm layernorm (it has rmsnorm)"),
    ({"window": 8}, "LlamaForCausalLM", "--model.window 8 (it has none)"),
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
        {"architecture": "encoder-decoder", "position": "relative", "tie_embeddings": False},
        "T5ForConditionalGeneration",
        "--model.tie-embeddings false (it has true)",
    ),
]


@pytest.mark.parametrize(("options", "nearest", "reason"), OBSTACLES)
def test_what_stands_in_the_way_is_named(
    options: dict[str, object], nearest: str, reason: str
) -> None:
    with pytest.raises(ConfigError) as error:
        family_of(ModelConfig.model_validate(SHAPE | options))
    assert f"The nearest, {nearest}, can't have" in error.value.message
    assert reason in error.value.message


def test_an_unknown_kind_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InputError, match="got mamba, must be one of gpt2, llama, qwen3, bert"):
        family_named({"model_type": "mamba"}, "config.json")
    assert len({family.model_type for family in FAMILIES}) == len(FAMILIES)
